import { einsum, grad, ones, sum, type Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, nested } from '../nested.ts';

const counted = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Array.from({ length: size }, (_, i) => i),
    shape,
  );
};
const square = counted(2, 2);
const row = tensor([1, 2, 3]);
const grid = counted(2, 3);

const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  [
    'a transposition',
    () => einsum('ij->ji', grid),
    [
      [0, 3],
      [1, 4],
      [2, 5],
    ],
  ],
  [
    'letters that the alphabet puts in order',
    () => einsum('ba', grid),
    [
      [0, 3],
      [1, 4],
      [2, 5],
    ],
  ],
  ['a sum', () => einsum('ij->', grid), 15],
  ['a sum over one axis', () => einsum('ij->j', grid), [3, 5, 7]],
  ['a trace', () => einsum('ii', square), 3],
  ['a diagonal', () => einsum('ii->i', square), [0, 3]],
  ['a diagonal of three axes', () => einsum('iii->i', counted(2, 2, 2)), [0, 7]],
  [
    'two diagonals',
    () => einsum('iijj->ij', counted(2, 2, 2, 2)),
    [
      [0, 3],
      [12, 15],
    ],
  ],
  ['an inner product', () => einsum('i,i->', row, row), 14],
  [
    'an outer product',
    () => einsum('i,j', row, row),
    [
      [1, 2, 3],
      [2, 4, 6],
      [3, 6, 9],
    ],
  ],
  [
    'a matrix product',
    () => einsum('ij,jk', square, square),
    [
      [2, 3],
      [6, 11],
    ],
  ],
  [
    'an elementwise product',
    () => einsum('ij,ij->ij', square, square),
    [
      [0, 1],
      [4, 9],
    ],
  ],
  ['products along a batch', () => einsum('bi,bi->b', grid, grid), [5, 50]],
  ['an axis that only one has', () => einsum('ij,k->k', grid, row), [15, 30, 45]],
  ['three operands', () => einsum('i,ij,j->', tensor([1, 2]), grid, row), 60],
  ['three operands with nothing in common', () => einsum('i,j,k->', row, row, row), 216],
  ['a scalar', () => einsum(',i->i', tensor(2), row), [2, 4, 6]],
  ['an ellipsis', () => einsum('...i->...', counted(2, 1, 3)), [[3], [12]]],
  [
    'an ellipsis that comes first without ->',
    () => einsum('i...j', counted(2, 1, 2)),
    [
      [
        [0, 1],
        [2, 3],
      ],
    ],
  ],
  [
    'an ellipsis that broadcasts',
    () => einsum('...,...->...', tensor([[1], [2]]), row),
    [
      [1, 2, 3],
      [2, 4, 6],
    ],
  ],
  ['an ellipsis of no axes', () => einsum('...i,i...->...', row, row), 14],
  [
    'a product along an ellipsis',
    () => einsum('...ij,jk->...ik', counted(2, 1, 2), square),
    [[[2, 3]], [[6, 11]]],
  ],
  [
    'spaces',
    () => einsum(' i j , j k -> i k ', square, square),
    [
      [2, 3],
      [6, 11],
    ],
  ],
  ['no elements', () => einsum('ij,jk->ik', ones([2, 0]), ones([0, 1])), [[0], [0]]],
  [
    'attention',
    () => einsum('bhqd,bhkd->bhqk', ones([1, 2, 1, 3]), ones([1, 2, 2, 3])),
    [[[[3, 3]], [[3, 3]]]],
  ],
];

test.each(table)('einsum for %s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

test('einsum has a derivative by each operand, a repeated one too', async () => {
  const trace = grad((x: Tensor) => einsum('ii', x));
  expect(await nested(trace(square))).toEqual([
    [1, 0],
    [0, 1],
  ]);
  const form = grad((x: Tensor) => einsum('i,ij,j->', x, square, x));
  expect(await nested(form(tensor([1, 2])))).toEqual([6, 15]);
  const second = grad((x: Tensor) => sum(form(x)));
  expect(await nested(second(tensor([1, 2])))).toEqual([3, 9]);
});

const refused: readonly [message: string, call: () => unknown][] = [
  [
    "einsum: the sides of 'j' in 'ij,jk' do not meet in [2,3] and [2,2]",
    () => einsum('ij,jk', grid, square),
  ],
  ["einsum: the sides of 'i' in 'ii' do not meet in [2,3] and [2,3]", () => einsum('ii', grid)],
  [
    "einsum: the axes of ... in '...,...' do not meet in [3] and [2,2]",
    () => einsum('...,...', row, square),
  ],
  ["einsum: 'ij' does not fit [3] in 'ij'", () => einsum('ij', row)],
  ["einsum: 'ij...' does not fit [3] in 'ij...'", () => einsum('ij...', row)],
  ["einsum: there are 1 terms for 2 operands in 'i'", () => einsum('i', row, row)],
  ["einsum: there are 1 terms for 0 operands in 'i'", () => einsum('i')],
  ["einsum: 'i1' is no term in 'i1->i'", () => einsum('i1->i', grid)],
  ["einsum: '......' is no term in '......'", () => einsum('......', grid)],
  ["einsum: there is more than one -> in 'i->i->i'", () => einsum('i->i->i', row)],
  ["einsum: the result cannot have 'j' in 'i->ij'", () => einsum('i->ij', row)],
  ["einsum: the result cannot have 'i' in 'i->ii'", () => einsum('i->ii', row)],
  ["einsum: the result leaves ... out in '...i->i'", () => einsum('...i->i', grid)],
];

test.each(refused)('%s', (message, call) => {
  expect(call).toThrow(message);
});
