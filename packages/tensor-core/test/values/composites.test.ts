import {
  attention,
  crossEntropy,
  gelu,
  layerNorm,
  logSoftmax,
  logSumExp,
  randomKey,
  relu,
  sigmoid,
  silu,
  softmax,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, near, nested } from '../nested.ts';

const labels = (...values: number[]): Tensor => tensor(values, undefined, 'i32');
const logits = tensor([
  [0, Math.log(3)],
  [Math.log(4), 0],
  [5, 5],
]);

const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  ['relu', () => relu(tensor([-1, 0, 2])), [0, 0, 2]],
  ['sigmoid', () => sigmoid(tensor([0, 1, -100, 100])), [0.5, 0.731058579, 0, 1]],
  ['silu', () => silu(tensor([0, 1, -100])), [0, 0.731058579, 0]],
  ['gelu', () => gelu(tensor([0, 1, -1, 10])), [0, 0.841344746, -0.158655254, 10]],
  ['gelu by tanh', () => gelu(tensor([0, 1, -1]), 'tanh'), [0, 0.841191991, -0.158808009]],
  [
    'softmax',
    () => softmax(logits),
    [
      [0.25, 0.75],
      [0.8, 0.2],
      [0.5, 0.5],
    ],
  ],
  ['softmax along the first axis', () => softmax(tensor([[0], [0]]), 0), [[0.5], [0.5]]],
  ['softmax of large numbers', () => softmax(tensor([1000, 1000, -1000])), [0.5, 0.5, 0]],
  ['logSoftmax', () => logSoftmax(tensor([0, Math.log(3)])), [-1.386294361, -0.287682072]],
  ['logSoftmax of large numbers', () => logSoftmax(tensor([1000, 0])), [0, -1000]],
  ['logSumExp', () => logSumExp(tensor([Math.log(2), Math.log(6)])), 2.079441542],
  [
    'logSumExp that keeps its axis',
    () => logSumExp(tensor([[1000, 1000]]), -1, { keepAxes: true }),
    [[1000.693147]],
  ],
  ['crossEntropy', () => crossEntropy(logits, labels(1, 0, 1)), 0.401324],
  [
    'crossEntropy passes over ignored labels',
    () => crossEntropy(logits, labels(1, -100, -100)),
    0.287682,
  ],
  [
    'crossEntropy of another ignored label',
    () => crossEntropy(logits, labels(1, 0, 1), { ignoreIndex: 1 }),
    0.223144,
  ],
  [
    'crossEntropy with no label that counts is 0',
    () => crossEntropy(logits, labels(-100, -100, -100)),
    0,
  ],
  ['layerNorm', () => layerNorm(tensor([[1, 3]]), tensor([2, 2]), tensor([10, 20]), 0), [[8, 22]]],
  [
    'layerNorm of equal numbers',
    () => layerNorm(tensor([4, 4]), tensor([1, 1]), tensor([5, 6]), 1e-5),
    [5, 6],
  ],
];

test.each(table)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(near(expected));
});

test('crossEntropy counts a u8 label that -100 would wrap to', async () => {
  const scores = tensor(new Float32Array(200), [1, 200]);
  const loss = crossEntropy(scores, tensor([156], undefined, 'u8'));
  expect(await loss.item()).toBeCloseTo(Math.log(200), 5);
});

// [B, H, T, K] with one batch, one head, and heads of one number.
const steps = (...values: number[]): Tensor => tensor(values, [1, 1, values.length, 1]);
const flat = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const ln3 = Math.log(3);

test('attention weighs values by the softmax of the products', async () => {
  const result = attention(steps(0, 1), steps(0, ln3), steps(10, 20));
  expect(await flat(result)).toEqual(near([15, 17.5]));
});

test('attention divides by the square root of the head size', async () => {
  const wide = (...values: number[]): Tensor => tensor(values, [1, 1, values.length / 4, 4]);
  const key = wide(0, 0, 0, 0, 2 * ln3, 0, 0, 0);
  const result = attention(wide(1, 0, 0, 0), key, wide(4, 0, 0, 0, 8, 0, 0, 0));
  expect(await flat(result)).toEqual(near([7, 0, 0, 0]));
});

test('causal attention does not look ahead', async () => {
  const result = attention(steps(0, 0, 0), steps(1, 2, 3), steps(6, 12, 0), { causal: true });
  expect(await flat(result)).toEqual(near([6, 9, 6]));
});

test('causal attention of fewer queries than keys is that of the last queries', async () => {
  const result = attention(steps(0, 0), steps(1, 2, 3), steps(6, 12, 0), { causal: true });
  expect(await flat(result)).toEqual(near([9, 6]));
});

test('dropout drops whole weights and scales the others', async () => {
  const value = steps(...Array.from({ length: 64 }, (_, i) => 2 ** (i % 8)));
  const zeros = steps(...new Array<number>(64).fill(0));
  const dropout = { rate: 0.5, key: randomKey(1) };
  const result = await flat(attention(zeros, zeros, value, { dropout }));
  // Each weight is 1/64: what is left of it is 0 or 1/32, and half of them on average.
  expect(result.every((x) => Number.isInteger(x * 32))).toBe(true);
  expect(new Set(result).size).toBeGreaterThan(30);
  const mean = result.reduce((a, b) => a + b, 0) / 64;
  expect(Math.abs(mean - 255 / 8)).toBeLessThan(3);
  expect(await flat(attention(zeros, zeros, value, { dropout }))).toEqual(result);
});

test('a mask leaves keys out', async () => {
  const mask = tensor([1, 0, 1], [1, 1, 1, 3], 'bool');
  const result = attention(steps(0), steps(1, 2, 3), steps(6, 12, 0), { mask });
  expect(await flat(result)).toEqual(near([3]));
});

test.each(['f64', 'f32', 'f16', 'bf16'] as const)(
  'in %s, a query that may see no key gets the mean of the values, and not NaN',
  async (dtype) => {
    const mask = tensor([0, 0], [1, 1, 1, 2], 'bool');
    const [query, key, value] = [steps(3), steps(1, 2), steps(4, 8)].map((x) => x.cast(dtype));
    if (query === undefined || key === undefined || value === undefined) throw new Error('three');
    expect(await flat(attention(query, key, value, { mask }))).toEqual([6]);
  },
);
