import {
  broadcastTo,
  concat,
  full,
  iota,
  ones,
  pad,
  permute,
  reshape,
  slice,
  sliceAxis,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, nested } from '../nested.ts';

const grid = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  [
    'reshape keeps the row-major order',
    () => reshape(grid, [3, 2]),
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  ],
  [
    'reshape finds the side of -1',
    () => reshape(grid, [-1, 2, 1]),
    [
      [[1], [2]],
      [[3], [4]],
      [[5], [6]],
    ],
  ],
  ['reshape of one element to a scalar', () => reshape(tensor([[7]]), []), 7],
  ['reshape of nothing', () => reshape(zeros([0, 3]), [2, 0]), [[], []]],
  [
    'permute transposes',
    () => permute(grid, [1, 0]),
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  ],
  [
    'permute counts axes from the end',
    () => permute(grid, [-1, 0]),
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  ],
  [
    'permute of three axes',
    () => permute(iota([1, 2, 3], 2), [2, 0, 1]),
    [[[0, 0]], [[1, 1]], [[2, 2]]],
  ],
  [
    'swapAxes takes the last two',
    () => swapAxes(grid),
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  ],
  [
    'broadcastTo repeats',
    () => broadcastTo(tensor([[1], [2]]), [2, 2, 2]),
    [
      [
        [1, 1],
        [2, 2],
      ],
      [
        [1, 1],
        [2, 2],
      ],
    ],
  ],
  ['broadcastTo of a scalar', () => broadcastTo(tensor(3), [2]), [3, 3]],
  ['broadcastTo nothing', () => broadcastTo(tensor([1]), [0]), []],
  [
    'slice takes a box',
    () => slice(grid, [0, 1], [2, 2]),
    [
      [2, 3],
      [5, 6],
    ],
  ],
  ['slice with steps', () => slice(grid, [0, 0], [1, 2], [1, 2]), [[1, 3]]],
  ['slice of no elements', () => slice(grid, [2, 0], [0, 3]), []],
  ['sliceAxis', () => sliceAxis(grid, -1, 2, 1), [[3], [6]]],
  [
    'concat of rows',
    () => concat([grid, tensor([[7, 8, 9]])]),
    [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ],
  ],
  [
    'concat along the last axis',
    () => concat([grid, tensor([[0], [0]])], -1),
    [
      [1, 2, 3, 0],
      [4, 5, 6, 0],
    ],
  ],
  ['concat with nothing', () => concat([tensor([]), tensor([1])]), [1]],
  ['pad at both ends', () => pad(tensor([1, 2]), { low: [1], high: [2] }), [0, 1, 2, 0, 0]],
  ['pad between elements', () => pad(tensor([1, 2, 3]), { interior: [2] }), [1, 0, 0, 2, 0, 0, 3]],
  [
    'pad of one axis of two',
    () => pad(tensor([[1], [2]]), { low: [0, 1], interior: [1, 0] }),
    [
      [0, 1],
      [0, 0],
      [0, 2],
    ],
  ],
  [
    'iota',
    () => iota([2, 3], 0),
    [
      [0, 0, 0],
      [1, 1, 1],
    ],
  ],
  ['full', () => full([2], 1.5), [1.5, 1.5]],
  ['full of a bool', () => full([2], 7, 'bool'), [1, 1]],
  ['ones and zeros', () => concat([ones([1]), zeros([1])]), [1, 0]],
];

test.each(table)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});
