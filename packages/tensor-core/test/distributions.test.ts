import {
  categorical,
  exponential,
  grad,
  gumbel,
  laplace,
  mean,
  permutation,
  randint,
  randomKey,
  split,
  type Tensor,
  tensor,
  truncatedNormal,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { nested } from './nested.ts';

const key = randomKey(42);
const count = 20_000;

async function numbers(x: Tensor): Promise<number[]> {
  return [...(await x.data())];
}

/** How often each value comes, in shares of all. */
function shares(values: readonly number[]): Map<number, number> {
  const result = new Map<number, number>();
  for (const value of values) result.set(value, (result.get(value) ?? 0) + 1 / values.length);
  return result;
}

/** The largest distance between how often values are below a number and how often they should be. */
function distanceFrom(cumulative: (x: number) => number, values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  return Math.max(
    ...ordered.map((value, i) => Math.abs(cumulative(value) - (i + 0.5) / ordered.length)),
  );
}

/** The distance that one in a million samples of that many exceeds (Kolmogorov and Smirnov). */
const bound = Math.sqrt(Math.log(2e6) / 2 / count);

/** Of the standard normal distribution, by the trapezoidal rule from 0 on. */
function normalCumulative(x: number): number {
  const steps = 200;
  const at = (i: number): number => Math.exp(-(((x * i) / steps) ** 2) / 2);
  let total = (at(0) + at(steps)) / 2;
  for (let i = 1; i < steps; i++) total += at(i);
  return 0.5 + (total * x) / steps / Math.sqrt(2 * Math.PI);
}

function truncatedCumulative(low: number, high: number): (x: number) => number {
  const [first, last] = [normalCumulative(low), normalCumulative(high)];
  return (x) => (normalCumulative(x) - first) / (last - first);
}

const laws: readonly [name: string, draw: Tensor, cumulative: (x: number) => number][] = [
  ['exponential', exponential(key, [count]), (x) => 1 - Math.exp(-x)],
  ['exponential of a scale', exponential(key, [count], 3), (x) => 1 - Math.exp(-x / 3)],
  ['gumbel', gumbel(key, [count]), (x) => Math.exp(-Math.exp(-x))],
  [
    'gumbel of a location and a scale',
    gumbel(key, [count], 2, 0.5),
    (x) => Math.exp(-Math.exp((2 - x) / 0.5)),
  ],
  [
    'laplace',
    laplace(key, [count], 1, 2),
    (x) => (x < 1 ? Math.exp((x - 1) / 2) / 2 : 1 - Math.exp((1 - x) / 2) / 2),
  ],
  ['truncatedNormal', truncatedNormal(key, [count]), truncatedCumulative(-2, 2)],
  [
    'truncatedNormal to one side',
    truncatedNormal(key, [count], 0.5, 6),
    truncatedCumulative(0.5, 6),
  ],
  [
    'truncatedNormal without bounds',
    truncatedNormal(key, [count], Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    normalCumulative,
  ],
  [
    'truncatedNormal of a mean and a deviation',
    truncatedNormal(key, [count], -1, 1, 5, 2),
    (x) => truncatedCumulative(-1, 1)((x - 5) / 2),
  ],
];

test.each(laws)('%s is spread as its law says', async (_, draw, cumulative) => {
  const values = await numbers(draw);
  expect(values.every(Number.isFinite)).toBe(true);
  expect(distanceFrom(cumulative, values)).toBeLessThan(bound);
});

test('truncatedNormal keeps its bounds', async () => {
  const values = await numbers(truncatedNormal(key, [count], -0.5, 1));
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-0.5);
  expect(Math.max(...values)).toBeLessThanOrEqual(1);
});

test('randint gives each number as often', async () => {
  const found = shares(await numbers(randint(key, [count], -2, 3)));
  expect([...found.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  for (const share of found.values()) expect(Math.abs(share - 0.2)).toBeLessThan(0.014);
});

test('randint reaches all of i32', async () => {
  const values = await numbers(randint(key, [count], -(2 ** 31), 2 ** 31 - 1));
  expect(distanceFrom((x) => x / 2 ** 32 + 0.5, values)).toBeLessThan(bound);
  expect(await numbers(randint(key, [3], 7, 8))).toEqual([7, 7, 7]);
});

test('categorical gives classes in proportion to the exponentials of their logits', async () => {
  const logits = tensor([Math.log(1), Math.log(2), Number.NEGATIVE_INFINITY, Math.log(5)]);
  const draw = categorical(key, logits, { draws: [count] });
  expect([draw.dtype, draw.shape]).toEqual(['i32', [count]]);
  const found = shares(await numbers(draw));
  expect(found.has(2)).toBe(false);
  for (const [index, weight] of [1, 2, 0, 5].entries())
    expect(Math.abs((found.get(index) ?? 0) - weight / 8)).toBeLessThan(0.018);
});

test('categorical draws along the axis that it is told', async () => {
  const sure = tensor([
    [0, 90],
    [90, 0],
    [0, 0],
  ]);
  expect(await nested(categorical(key, sure, { axis: 0 }))).toEqual([1, 0]);
});

test('permutation has every number once, each as often at each place', async () => {
  const firsts = await Promise.all(
    split(key, 2000).map(async (one) => {
      const order = await numbers(permutation(one, 4));
      expect([...order].sort()).toEqual([0, 1, 2, 3]);
      return order[0] ?? -1;
    }),
  );
  for (const share of shares(firsts).values()) expect(Math.abs(share - 0.25)).toBeLessThan(0.05);
  expect(await numbers(permutation(key, 0))).toEqual([]);
});

test('permutation of a tensor moves whole slices', async () => {
  const rows = tensor([
    [1, 10],
    [2, 20],
    [3, 30],
  ]);
  const order = await numbers(permutation(key, 3));
  expect(await nested(permutation(key, rows))).toEqual(order.map((i) => [i + 1, 10 * (i + 1)]));
  const turned = permutation(key, tensor([[1, 2, 3]]), -1);
  expect(await nested(turned)).toEqual([order.map((i) => i + 1)]);
});

test.each<[name: string, draw: (location: Tensor, scale: Tensor) => Tensor]>([
  ['gumbel', (location, scale) => gumbel(key, [50], location, scale)],
  ['laplace', (location, scale) => laplace(key, [50], location, scale)],
  ['truncatedNormal', (location, scale) => truncatedNormal(key, [50], -2, 2, location, scale)],
  ['exponential', (location, scale) => exponential(key, [50], scale).add(location)],
])('%s has a derivative by its location and its scale', async (_, draw) => {
  const [location, scale] = [tensor(1), tensor(3)];
  const slope = grad((place: Tensor) => mean(draw(place, scale)));
  expect(await slope(location).item()).toBeCloseTo(1, 5);
  const byScale = grad((width: Tensor) => mean(draw(location, width)));
  const unit = mean(draw(tensor(0), tensor(1)));
  expect(await byScale(scale).item()).toBeCloseTo(await unit.item(), 5);
});

test.each<[message: string, call: () => unknown]>([
  ['randint: no number from 3 to below 3', () => randint(key, [1], 3, 3)],
  ['randint: no number from 0.5 to below 3', () => randint(key, [1], 0.5, 3)],
  ['randint: no number from 0 to below 3000000000', () => randint(key, [1], 0, 3e9)],
  ['truncatedNormal: nothing from 1 to 1', () => truncatedNormal(key, [1], 1, 1)],
  ['permutation: -1 is no count', () => permutation(key, -1)],
  [
    'categorical: axis 1 is outside a tensor of rank 1',
    () => categorical(key, tensor([1]), { axis: 1 }),
  ],
])('%s', (message, call) => {
  expect(call).toThrow(message);
});
