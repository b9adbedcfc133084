import {
  diagonal,
  dynamicSlice,
  dynamicUpdateSlice,
  expandDims,
  flip,
  outer,
  repeat,
  roll,
  splitAxis,
  squeeze,
  stack,
  type Tensor,
  tensor,
  tile,
  trace,
  tril,
  triu,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, nested } from '../nested.ts';

const grid = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const i32 = (...values: number[]): Tensor => tensor(values, undefined, 'i32');

const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  [
    'flip of all axes',
    () => flip(grid),
    [
      [6, 5, 4],
      [3, 2, 1],
    ],
  ],
  [
    'flip of one',
    () => flip(grid, -1),
    [
      [3, 2, 1],
      [6, 5, 4],
    ],
  ],
  [
    'flip of the first',
    () => flip(grid, 0),
    [
      [4, 5, 6],
      [1, 2, 3],
    ],
  ],
  [
    'flip of none',
    () => flip(grid, []),
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
  ],
  ['flip of nothing', () => flip(zeros([0, 2])), []],
  [
    'roll',
    () => roll(grid, 1, 1),
    [
      [3, 1, 2],
      [6, 4, 5],
    ],
  ],
  [
    'roll back',
    () => roll(grid, -1, 1),
    [
      [2, 3, 1],
      [5, 6, 4],
    ],
  ],
  ['roll by more than the side', () => roll(tensor([1, 2, 3]), 7), [3, 1, 2]],
  [
    'roll without an axis',
    () => roll(grid, 2),
    [
      [5, 6, 1],
      [2, 3, 4],
    ],
  ],
  ['roll of nothing', () => roll(zeros([0]), 3, 0), []],
  ['dynamicSlice', () => dynamicSlice(grid, i32(1, 1), [1, 2]), [[5, 6]]],
  ['dynamicSlice beyond the end moves back', () => dynamicSlice(grid, i32(5, 9), [1, 2]), [[5, 6]]],
  [
    'dynamicSlice before the start moves on',
    () => dynamicSlice(grid, i32(-1, -9), [1, 2]),
    [[1, 2]],
  ],
  ['dynamicSlice of a scalar', () => dynamicSlice(tensor(3), i32(), []), 3],
  ['dynamicSlice of no elements', () => dynamicSlice(grid, i32(0, 3), [2, 0]), [[], []]],
  [
    'dynamicUpdateSlice',
    () => dynamicUpdateSlice(grid, tensor([[8, 9]]), i32(0, 1)),
    [
      [1, 8, 9],
      [4, 5, 6],
    ],
  ],
  [
    'dynamicUpdateSlice beyond the end moves back',
    () => dynamicUpdateSlice(grid, tensor([[8, 9]]), i32(7, 7)),
    [
      [1, 2, 3],
      [4, 8, 9],
    ],
  ],
  [
    'stack',
    () => stack([tensor([1, 2]), tensor([3, 4])]),
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    'stack along the last axis',
    () => stack([tensor([1, 2]), tensor([3, 4])], -1),
    [
      [1, 3],
      [2, 4],
    ],
  ],
  ['stack of scalars', () => stack([tensor(1), tensor(2)]), [1, 2]],
  ['squeeze', () => squeeze(tensor([[[1], [2]]])), [1, 2]],
  ['squeeze of one axis', () => squeeze(tensor([[[1], [2]]]), -1), [[1, 2]]],
  ['expandDims', () => expandDims(tensor([1, 2]), 0), [[1, 2]]],
  ['expandDims at the end and the start', () => expandDims(tensor([1, 2]), [0, -1]), [[[1], [2]]]],
  ['tile', () => tile(tensor([1, 2]), 2), [1, 2, 1, 2]],
  [
    'tile of more axes',
    () => tile(tensor([1, 2]), [2, 1]),
    [
      [1, 2],
      [1, 2],
    ],
  ],
  [
    'tile of fewer counts',
    () => tile(grid, [2]),
    [
      [1, 2, 3, 1, 2, 3],
      [4, 5, 6, 4, 5, 6],
    ],
  ],
  ['tile no times', () => tile(tensor([1, 2]), 0), []],
  [
    'repeat',
    () => repeat(grid, 2, 1),
    [
      [1, 1, 2, 2, 3, 3],
      [4, 4, 5, 5, 6, 6],
    ],
  ],
  [
    'repeat of rows, each its own',
    () => repeat(grid, [0, 2], 0),
    [
      [4, 5, 6],
      [4, 5, 6],
    ],
  ],
  ['repeat without an axis', () => repeat(tensor([[1], [2]]), 2), [1, 1, 2, 2]],
  [
    'tril',
    () => tril(grid),
    [
      [1, 0, 0],
      [4, 5, 0],
    ],
  ],
  [
    'tril with a diagonal above',
    () => tril(grid, 1),
    [
      [1, 2, 0],
      [4, 5, 6],
    ],
  ],
  [
    'tril with a diagonal below',
    () => tril(grid, -1),
    [
      [0, 0, 0],
      [4, 0, 0],
    ],
  ],
  [
    'triu',
    () => triu(grid),
    [
      [1, 2, 3],
      [0, 5, 6],
    ],
  ],
  [
    'triu with a diagonal above',
    () => triu(grid, 1),
    [
      [0, 2, 3],
      [0, 0, 6],
    ],
  ],
  [
    'triu of a NaN below is 0',
    () =>
      triu(
        tensor([
          [1, 1],
          [Number.NaN, 1],
        ]),
      ),
    [
      [1, 1],
      [0, 1],
    ],
  ],
  [
    'triu of each of a stack',
    () => triu(stack([grid, grid]), 2),
    [
      [
        [0, 0, 3],
        [0, 0, 0],
      ],
      [
        [0, 0, 3],
        [0, 0, 0],
      ],
    ],
  ],
  ['diagonal', () => diagonal(grid), [1, 5]],
  ['diagonal above', () => diagonal(grid, { offset: 1 }), [2, 6]],
  ['diagonal below', () => diagonal(grid, { offset: -1 }), [4]],
  ['diagonal outside', () => diagonal(grid, { offset: 3 }), []],
  [
    'diagonal of other axes',
    () => diagonal(stack([grid, grid]), { axes: [-1, 0] }),
    [
      [1, 2],
      [4, 5],
    ],
  ],
  ['diagonal of nothing', () => diagonal(zeros([0, 3])), []],
  ['trace', () => trace(grid), 6],
  [
    'outer',
    () => outer(tensor([1, 2]), tensor([3, 4, 5])),
    [
      [3, 4, 5],
      [6, 8, 10],
    ],
  ],
  ['outer of matrices', () => outer(tensor([[1], [2]]), tensor(3)), [[3], [6]]],
];

test.each(table)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

test('triangles keep the dtype', () => {
  const bools = tensor([[1, 1]], undefined, 'bool');
  expect([tril(bools).dtype, triu(i32(1, 2).reshape([1, 2])).dtype]).toEqual(['bool', 'i32']);
});

test.each([
  [
    'into equal parts',
    3,
    1,
    [
      [[1], [4]],
      [[2], [5]],
      [[3], [6]],
    ],
  ],
  [
    'into parts of given sizes',
    [1, 0, 2],
    -1,
    [
      [[1], [4]],
      [[], []],
      [
        [2, 3],
        [5, 6],
      ],
    ],
  ],
  ['of rows', 2, 0, [[[1, 2, 3]], [[4, 5, 6]]]],
] as const)('splitAxis %s', async (_, sizes, axis, expected) => {
  expect(await Promise.all(splitAxis(grid, sizes, axis).map(nested))).toEqual(expected);
});

const refused: readonly [call: () => unknown, message: string][] = [
  [() => flip(grid, [0, 0]), 'flip: an axis is named twice'],
  [() => roll(grid, 1, 2), 'roll: axis 2 is outside a tensor of rank 2'],
  [
    () => dynamicSlice(grid, i32(0, 0), [1, 4]),
    'dynamicSlice: a box of [1,4] does not lie in [2,3]',
  ],
  [() => dynamicSlice(grid, i32(0), [1, 1]), 'dynamicSlice: starts of shape [1] do not fit [2,3]'],
  [() => dynamicSlice(grid, tensor([0, 0]), [1, 1]), 'dynamicSlice: starts cannot be f32'],
  [
    () => dynamicUpdateSlice(grid, zeros([3, 1]), i32(0, 0)),
    'dynamicUpdateSlice: a box of [3,1] does not lie in [2,3]',
  ],
  [
    () => dynamicUpdateSlice(grid, zeros([1, 1], 'i32'), i32(0, 0)),
    'dynamicUpdateSlice: operands are f32 and i32',
  ],
  [() => stack([]), 'stack: there is no tensor to join'],
  [() => stack([grid, tensor([1])]), 'stack: f32[2,3] and f32[1] do not lie side by side'],
  [() => squeeze(grid, 1), 'squeeze: axis 1 of [2,3] cannot go'],
  [() => expandDims(grid, [0, 0]), 'expandDims: an axis is named twice'],
  [() => splitAxis(grid, 2, 1), 'splitAxis: axis 1 of [2,3] does not fall into 2 equal parts'],
  [
    () => splitAxis(grid, [2, 2], 1),
    'splitAxis: axis 1 of [2,3] does not fall into parts of [2,2]',
  ],
  [() => splitAxis(grid, 0, 1), 'splitAxis: axis 1 of [2,3] does not fall into 0 equal parts'],
  [() => tile(grid, [-1]), 'tile: [-1] are no counts'],
  [() => repeat(grid, [1, 2], 1), 'repeat: counts [1,2] do not fit axis 1 of [2,3]'],
  [() => repeat(grid, -1, 1), 'repeat: counts [-1] do not fit axis 1 of [2,3]'],
  [() => triu(tensor([1])), 'triu: [1] is no matrix'],
  [() => tril(tensor([1])), 'tril: [1] is no matrix'],
  [() => diagonal(grid, { axes: [1, -1] }), 'diagonal: rows and columns are one axis'],
];

test.each(refused.map(([call, message]) => [message, call] as const))('%s', (message, call) => {
  expect(call).toThrow(message);
});
