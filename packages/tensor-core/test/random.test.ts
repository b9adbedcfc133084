import {
  bernoulli,
  compile,
  dropout,
  foldIn,
  normal,
  ones,
  randomBits,
  randomKey,
  split,
  type Tensor,
  tensor,
  uniform,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { threefryInto } from '../src/threefry.ts';

async function numbers(x: Tensor): Promise<number[]> {
  return [...(await x.data())];
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.map((value) => (value - mean) ** 2);
  return { mean, variance: squares.reduce((a, b) => a + b, 0) / values.length };
}

const key = randomKey(42);

// Vectors of Random123 1.14 (kat_vectors, threefry2x32 with 20 rounds).
test.each([
  ['zeros', 0, 0, 0, 0, [0x6b200159, 0x99ba4efe]],
  ['ones', 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, [0x1cb996fc, 0xbb002be7]],
  ['digits of pi', 0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, [0xc4923a9c, 0x483df7a0]],
])('threefry gives the known words for %s', (_, k0, k1, c0, c1, expected) => {
  const words = new Uint32Array(2);
  threefryInto(k0, k1, c0, words, c1);
  expect([...words]).toEqual(expected);
});

test('random bits are the words of threefry for the counters (stream, 0), (stream, 1), ...', async () => {
  const zero = tensor([0, 0], [2], 'u32');
  expect(await numbers(randomBits(zero, [2]))).toEqual([0x6b200159, 0x99ba4efe]);
  const six = await numbers(randomBits(zero, [2, 3]));
  expect(six.slice(0, 2)).toEqual([0x6b200159, 0x99ba4efe]);
  expect(await numbers(randomBits(zero, [5]))).toEqual(six.slice(0, 5));
  expect(await numbers(randomBits(zero, [2], 1))).not.toEqual(six.slice(0, 2));
  expect(await numbers(randomBits(zero, [0]))).toEqual([]);
});

test('a seed of more than 32 bits counts in full', async () => {
  expect(await numbers(randomKey(2 ** 32 + 7))).toEqual([1, 7]);
  expect(await numbers(randomKey(2 ** 53 - 1))).toEqual([2 ** 21 - 1, 2 ** 32 - 1]);
});

test('the same key gives the same numbers, compiled or not, and another key others', async () => {
  const draw = (k: Tensor): Tensor => normal(k, [100]);
  expect(await numbers(draw(randomKey(42)))).toEqual(await numbers(draw(key)));
  expect(await numbers(compile(draw)(key))).toEqual(await numbers(draw(key)));
  expect(await numbers(draw(randomKey(43)))).not.toEqual(await numbers(draw(key)));
});

test('uniform numbers fill their range evenly', async () => {
  const values = await numbers(uniform(key, [20_000], -1, 3));
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...values)).toBeLessThan(3);
  const { mean, variance } = moments(values);
  expect(Math.abs(mean - 1)).toBeLessThan(0.04);
  expect(Math.abs(variance - 16 / 12)).toBeLessThan(0.04);
});

test('normal numbers have their mean, variance and tails', async () => {
  const values = await numbers(normal(key, [20_000], 2, 3));
  const { mean, variance } = moments(values);
  expect(Math.abs(mean - 2)).toBeLessThan(0.09);
  expect(Math.abs(variance - 9)).toBeLessThan(0.4);
  const beyondTwo = values.filter((value) => Math.abs(value - 2) > 6).length / values.length;
  expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.006);
  expect(values.every(Number.isFinite)).toBe(true);
});

test('bernoulli is true as often as asked', async () => {
  const { mean } = moments(await numbers(bernoulli(key, [20_000], 0.3)));
  expect(Math.abs(mean - 0.3)).toBeLessThan(0.015);
  expect(moments(await numbers(bernoulli(key, [1000], 0))).mean).toBe(0);
  expect(moments(await numbers(bernoulli(key, [1000], 1))).mean).toBe(1);
});

test('dropout zeroes some and scales the others so that the mean stays', async () => {
  const values = await numbers(dropout(ones([20_000]), 0.25, key));
  expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
  expect(Math.abs(moments(values).mean - 1)).toBeLessThan(0.02);
  const x = ones([3]);
  expect(dropout(x, 0, key)).toBe(x);
  expect(await numbers(dropout(x, 1, key))).toEqual([0, 0, 0]);
});

test('split gives keys that differ from each other and from their origin', async () => {
  const keys = await Promise.all([key, ...split(key, 5)].map(numbers));
  expect(keys.every((words) => words.length === 2)).toBe(true);
  expect(new Set(keys.map(String)).size).toBe(6);
});

test('fewer keys of a split are the first of more', async () => {
  const [two, five] = [split(key), split(key, 5)];
  expect(await Promise.all(two.map(numbers))).toEqual(
    await Promise.all(five.slice(0, 2).map(numbers)),
  );
});

test('foldIn tells numbers and names apart', async () => {
  const labels = [...Array.from({ length: 100 }, (_, i) => i), 'query', 'value', '0', ''];
  const keys = await Promise.all(labels.map((label) => numbers(foldIn(key, label))));
  const others = await Promise.all([...split(key, 100), randomBits(key, [2])].map(numbers));
  expect(new Set([...keys, ...others].map(String)).size).toBe(labels.length + others.length);
});

test('streams of folded keys do not move together', async () => {
  const [a, b] = await Promise.all(
    [0, 1].map((label) => numbers(normal(foldIn(key, label), [5000]))),
  );
  const product = (a ?? []).map((value, i) => value * (b?.[i] ?? Number.NaN));
  expect(Math.abs(moments(product).mean)).toBeLessThan(0.06);
});
