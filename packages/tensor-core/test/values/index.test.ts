import { gather, oneHot, scatterAdd, type Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, nested } from '../nested.ts';

const i32 = (...values: number[]): Tensor => tensor(values, undefined, 'i32');
const rows = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);

const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  [
    'gather takes rows',
    () => gather(rows, i32(2, 0, 2)),
    [
      [5, 6],
      [1, 2],
      [5, 6],
    ],
  ],
  ['gather takes columns', () => gather(rows, i32(1), 1), [[2], [4], [6]]],
  [
    'gather with indices of two axes',
    () => gather(rows, tensor([[0], [1]], undefined, 'i32')),
    [[[1, 2]], [[3, 4]]],
  ],
  ['gather with a scalar index drops the axis', () => gather(rows, tensor(1, [], 'i32')), [3, 4]],
  ['gather with no index', () => gather(rows, i32()), []],
  [
    'scatterAdd adds what is named twice twice',
    () => scatterAdd(tensor([10, 20, 30]), i32(2, 0, 2), tensor([1, 2, 3])),
    [12, 20, 34],
  ],
  [
    'scatterAdd of columns',
    () => scatterAdd(rows, i32(1), tensor([[1], [1], [1]]), 1),
    [
      [1, 3],
      [3, 5],
      [5, 7],
    ],
  ],
  [
    'oneHot',
    () => oneHot(i32(1, 0), 3),
    [
      [0, 1, 0],
      [1, 0, 0],
    ],
  ],
  [
    'oneHot of an index outside is 0',
    () => oneHot(i32(-1, 3), 3),
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  ],
  ['oneHot of a scalar', () => oneHot(tensor(2, [], 'i32'), 3), [0, 0, 1]],
];

test.each(table)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

test('oneHot of u8 indices has one 1 even where u8 ends', async () => {
  const hot = [...(await oneHot(tensor([3], undefined, 'u8'), 600).data())];
  expect(hot.flatMap((x, i) => (x === 0 ? [] : [i]))).toEqual([3]);
});

test('an index outside of its axis is refused when it is used', async () => {
  await expect(gather(rows, i32(3)).data()).rejects.toThrow(
    /^gather: index 3 is outside an axis of length 3\n {2}expected: 0 to 2\n {2}received: 3\n {2}hint: .*vocabulary size/,
  );
  await expect(scatterAdd(tensor([1]), i32(-1), tensor([1])).data()).rejects.toThrow(
    'scatterAdd: index -1 is outside an axis of length 1',
  );
});
