import {
  all,
  any,
  argmin,
  cumprod,
  cumsum,
  grad,
  linearRecurrence,
  min,
  prod,
  std,
  sum,
  type Tensor,
  tensor,
  variance,
  vectorNorm,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const grid = tensor([
  [1, 5, 3],
  [4, 2, 6],
]);
const nan = Number.NaN;
const infinity = Number.POSITIVE_INFINITY;
const bools = (...values: boolean[]): Tensor => tensor(values.map(Number), undefined, 'bool');

const reductions: readonly [call: string, actual: () => Tensor, expected: unknown][] = [
  ['min', () => min(grid, 0), [1, 2, 3]],
  ['min of all', () => min(grid), 1],
  ['min that keeps its axes', () => min(grid, [0, 1], { keepAxes: true }), [[1]]],
  ['min where there is a NaN', () => min(tensor([1, nan, 2])), nan],
  ['min of zeros of both signs', () => min(tensor([0, -0])), -0],
  ['argmin', () => argmin(grid), [0, 1]],
  ['argmin of equals is the first', () => argmin(tensor([3, 1, 1])), 1],
  ['argmin where there is a NaN', () => argmin(tensor([1, nan, -9, nan])), 1],
  ['prod', () => prod(grid, 1), [15, 48]],
  ['prod of all', () => prod(grid), 720],
  ['prod over a negative axis', () => prod(grid, -2), [4, 10, 18]],
  ['prod of nothing is 1', () => prod(zeros([0, 2]), 0), [1, 1]],
  ['prod of zero and infinity', () => prod(tensor([0, infinity])), nan],
  ['prod of integers', () => prod(tensor([2, 3, -4], undefined, 'i32')), -24],
  ['any', () => any(bools(false, true)), 1],
  ['any of none is false', () => any(bools()), 0],
  [
    'any along an axis, of numbers',
    () =>
      any(
        tensor([
          [0, 0],
          [0, -2],
        ]),
        1,
      ),
    [0, 1],
  ],
  ['any of a NaN', () => any(tensor([0, nan])), 1],
  ['all', () => all(bools(true, false)), 0],
  ['all of none is true', () => all(bools()), 1],
  [
    'all along an axis',
    () =>
      all(
        tensor([
          [1, 0],
          [3, 2],
        ]),
        1,
        { keepAxes: true },
      ),
    [[0], [1]],
  ],
  [
    'cumsum',
    () => cumsum(grid, 1),
    [
      [1, 6, 9],
      [4, 6, 12],
    ],
  ],
  [
    'cumsum along the first axis',
    () => cumsum(grid, 0),
    [
      [1, 5, 3],
      [5, 7, 9],
    ],
  ],
  [
    'cumsum in reverse',
    () => cumsum(grid, -1, { reverse: true }),
    [
      [9, 8, 3],
      [12, 8, 6],
    ],
  ],
  ['cumsum of nothing', () => cumsum(zeros([2, 0]), 1), [[], []]],
  [
    'cumsum behind an infinity',
    () => cumsum(tensor([1, infinity, -infinity, 1]), 0),
    [1, infinity, nan, nan],
  ],
  [
    'cumprod',
    () => cumprod(grid, 1),
    [
      [1, 5, 15],
      [4, 8, 48],
    ],
  ],
  [
    'cumprod in reverse',
    () => cumprod(grid, 1, { reverse: true }),
    [
      [15, 15, 3],
      [48, 12, 6],
    ],
  ],
  ['cumprod behind a zero', () => cumprod(tensor([2, 0, 3]), 0), [2, 0, 0]],
  [
    'linearRecurrence',
    () => linearRecurrence(tensor([9, 0.5, 0.5]), tensor([4, 1, 2]), 0),
    [4, 3, 3.5],
  ],
  [
    'linearRecurrence in reverse',
    () => linearRecurrence(tensor([2, 3, nan]), tensor([1, 1, 1]), 0, { reverse: true }),
    [9, 4, 1],
  ],
  ['variance', () => variance(grid, 1), near([8 / 3, 8 / 3])],
  ['variance of a sample', () => variance(grid, 1, { correction: 1 }), [4, 4]],
  ['variance over two axes', () => variance(grid, [0, 1], { keepAxes: true }), near([[35 / 12]])],
  ['variance far from 0', () => variance(tensor([4097, 4099])), 1],
  ['variance of one element', () => variance(tensor([7])), 0],
  ['std', () => std(grid, 1, { correction: 1 }), [2, 2]],
  [
    'vectorNorm',
    () =>
      vectorNorm(
        tensor([
          [3, -4],
          [0, 0],
        ]),
        { axes: 1 },
      ),
    [5, 0],
  ],
  ['vectorNorm of order 1', () => vectorNorm(tensor([3, -4]), { order: 1 }), 7],
  ['vectorNorm of order Infinity', () => vectorNorm(tensor([3, -4]), { order: infinity }), 4],
  [
    'vectorNorm that keeps its axes',
    () => vectorNorm(grid, { axes: 0, keepAxes: true, order: 1 }),
    [[5, 7, 9]],
  ],
  ['vectorNorm of nothing', () => vectorNorm(zeros([0])), 0],
  [
    'vectorNorm in f16 of squares beyond f16',
    () => vectorNorm(tensor([300, 400], [2], 'f16')),
    500,
  ],
];

test.each(reductions)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

const gradients: readonly [
  call: string,
  fn: (x: Tensor) => Tensor,
  x: number[],
  expected: number[],
][] = [
  ['prod', (x) => prod(x), [2, 3, 4], [12, 8, 6]],
  ['prod with one zero', (x) => prod(x), [2, 0, 4], [0, 8, 0]],
  ['prod with two zeros', (x) => prod(x), [0, 3, 0], [0, 0, 0]],
  ['cumprod with a zero', (x) => sum(cumprod(x, 0)), [2, 0, 3, 5], [1, 38, 0, 0]],
  ['cumprod with two zeros', (x) => sum(cumprod(x, 0)), [2, 0, 0, 5], [1, 2, 0, 0]],
  ['cumsum', (x) => sum(cumsum(x, 0)), [1, 1, 1], [3, 2, 1]],
  ['min, shared by equals', (x) => min(x), [1, 3, 1], [0.5, 0, 0.5]],
  ['vectorNorm', (x) => vectorNorm(x), [3, -4], [Math.fround(0.6), Math.fround(-0.8)]],
  ['vectorNorm of zeros', (x) => vectorNorm(x), [0, 0], [0, 0]],
  ['vectorNorm of order 1 of zeros', (x) => vectorNorm(x, { order: 1 }), [0, 0], [0, 0]],
  [
    'vectorNorm of order Infinity of zeros',
    (x) => vectorNorm(x, { order: infinity }),
    [0, 0],
    [0, 0],
  ],
  ['std of equals', (x) => std(x), [2, 2, 2], [0, 0, 0]],
  ['variance', (x) => variance(x), [1, 3], [-1, 1]],
  // Of xyz along (1, 1, 1): x (y + z) + ..., that is the sums of pairs.
  ['prod again, with a zero', (x) => sum(grad((y: Tensor) => prod(y))(x)), [0, 3, 4], [7, 4, 3]],
  ['prod again, with two zeros', (x) => sum(grad((y: Tensor) => prod(y))(x)), [0, 0, 4], [4, 4, 0]],
];

test.each(gradients)('the derivative of %s', async (_, fn, x, expected) => {
  expect(await nested(grad(fn)(tensor(x)))).toEqual(near(expected));
});

const refused: readonly [call: () => unknown, message: string][] = [
  [() => min(zeros([2, 0]), 1), 'min: nothing to reduce in [2,0]'],
  [() => min(tensor([1], undefined, 'bool')), 'min: input cannot be bool'],
  [() => argmin(tensor(1)), 'argmin: a scalar has no axis'],
  [() => prod(tensor([1], undefined, 'bool')), 'prod: input cannot be bool'],
  [() => prod(grid, 2), 'prod: axis 2 is outside a tensor of rank 2'],
  [() => cumsum(tensor(1), 0), 'cumsum: axis 0 is outside a tensor of rank 0'],
  [() => cumsum(bools(true), 0), 'cumsum: input cannot be bool'],
  [() => cumprod(bools(true), 0), 'cumprod: input cannot be bool'],
  [
    () => linearRecurrence(tensor([1]), tensor([1, 2]), 0),
    'linearRecurrence: f32[1] and f32[2] differ',
  ],
  [() => variance(zeros([0])), 'variance: nothing to reduce in [0]'],
  [
    () => std(tensor([1]), 0, { correction: 1 }),
    'std: 1 elements of [1] are too few for a correction of 1',
  ],
  [() => vectorNorm(grid, { order: 3 }), 'vectorNorm: there is no order 3'],
  [() => vectorNorm(tensor([1], undefined, 'i32')), 'vectorNorm: input cannot be i32'],
];

test.each(refused.map(([call, message]) => [message, call] as const))('%s', (message, call) => {
  expect(call).toThrow(message);
});

test.each([1, 2, Number.POSITIVE_INFINITY])(
  'a norm of order %d keeps its axes, or drops them',
  (order) => {
    const x = zeros([2, 3]);
    expect(vectorNorm(x, { order, axes: 1, keepAxes: true }).shape).toEqual([2, 1]);
    expect(vectorNorm(x, { order, axes: 1 }).shape).toEqual([2]);
  },
);
