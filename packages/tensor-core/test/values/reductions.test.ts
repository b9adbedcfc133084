import {
  argmax,
  dot,
  matmul,
  max,
  mean,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, nested } from '../nested.ts';

const grid = tensor([
  [1, 5, 3],
  [4, 2, 6],
]);
const nan = Number.NaN;

const reductions: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  ['sum of all', () => sum(grid), 21],
  ['sum along an axis', () => sum(grid, 0), [5, 7, 9]],
  ['sum along the last axis', () => sum(grid, -1), [9, 12]],
  ['sum that keeps its axes', () => sum(grid, [0, 1], { keepAxes: true }), [[21]]],
  [
    'sum over no axes',
    () => sum(grid, []),
    [
      [1, 5, 3],
      [4, 2, 6],
    ],
  ],
  ['sum of nothing is 0', () => sum(zeros([0, 2]), 0), [0, 0]],
  [
    'sum of many small numbers beside a large one',
    () => sum(tensor([2 ** 24, 1, 1, 1, 1])),
    2 ** 24 + 4,
  ],
  ['mean', () => mean(grid, 1), [3, 4]],
  ['mean of all', () => mean(grid), 3.5],
  ['max', () => max(grid, 0), [4, 5, 6]],
  ['max of all', () => max(tensor([-3, -1, -2])), -1],
  ['max where there is a NaN', () => max(tensor([1, nan, 2])), nan],
  ['argmax', () => argmax(grid), [1, 2]],
  ['argmax along the first axis', () => argmax(grid, 0), [1, 0, 1]],
  ['argmax of equals is the first', () => argmax(tensor([3, 7, 7, 1])), 1],
  ['argmax where there is a NaN', () => argmax(tensor([1, nan, 9, nan])), 1],
];

test.each(reductions)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

const row = tensor([1, 2]);
const square = tensor([
  [1, 2],
  [3, 4],
]);
const stack = tensor([
  [
    [1, 0],
    [0, 1],
  ],
  [
    [0, 1],
    [1, 0],
  ],
]);

const products: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  ['matmul of two rows is their inner product', () => matmul(row, row), 5],
  ['matmul of a row and a matrix', () => matmul(row, square), [7, 10]],
  ['matmul of a matrix and a column', () => matmul(square, row), [5, 11]],
  [
    'matmul of matrices',
    () => matmul(square, grid),
    [
      [9, 9, 15],
      [19, 23, 33],
    ],
  ],
  [
    'matmul of a row and a stack',
    () => matmul(row, stack),
    [
      [1, 2],
      [2, 1],
    ],
  ],
  [
    'matmul of a stack and a column',
    () => matmul(stack, row),
    [
      [1, 2],
      [2, 1],
    ],
  ],
  [
    'matmul of a matrix and a stack',
    () => matmul(square, stack),
    [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [2, 1],
        [4, 3],
      ],
    ],
  ],
  [
    'matmul of a stack and a matrix',
    () => matmul(stack, square),
    [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [3, 4],
        [1, 2],
      ],
    ],
  ],
  ['matmul over no elements is 0', () => matmul(zeros([2, 0]), zeros([0, 1])), [[0], [0]]],
  [
    'dot contracts and runs along',
    () => dot(stack, square, { contract: [[2], [1]], batch: [[0], [0]] }),
    [
      [1, 2],
      [4, 3],
    ],
  ],
  [
    'dot over two axes',
    () =>
      dot(stack, square, {
        contract: [
          [1, 2],
          [0, 1],
        ],
      }),
    [5, 5],
  ],
  [
    'dot without contraction is the outer product',
    () => dot(row, row, { contract: [[], []] }),
    [
      [1, 2],
      [2, 4],
    ],
  ],
];

test.each(products)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

test('matmul larger than one block equals a plain loop', async () => {
  const [rows, depth, columns] = [9, 7, 10];
  const a = Array.from({ length: rows * depth }, (_, i) => (i % 11) - 5);
  const b = Array.from({ length: depth * columns }, (_, i) => (i % 7) - 3);
  const expected = Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => {
      let total = 0;
      for (let k = 0; k < depth; k++) total += (a[i * depth + k] ?? 0) * (b[k * columns + j] ?? 0);
      return total;
    }),
  );
  expect(await nested(matmul(tensor(a, [rows, depth]), tensor(b, [depth, columns])))).toEqual(
    expected,
  );
});
