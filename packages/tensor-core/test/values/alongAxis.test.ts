import {
  argsort,
  grad,
  mul,
  putAlongAxis,
  scatter,
  sort,
  sum,
  type Tensor,
  takeAlongAxis,
  tensor,
  topk,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, nested } from '../nested.ts';

const i32 = (...values: number[]): Tensor => tensor(values, undefined, 'i32');
const columns = (...values: number[][]): Tensor => tensor(values, undefined, 'i32');
const rows = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);
const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
const unordered = tensor([
  [3, 1, 2],
  [0, 5, 5],
]);
const special = tensor([nan, infinity, 0, -0, -infinity, nan, 1]);

const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  ['takeAlongAxis', () => takeAlongAxis(rows, columns([1], [0], [1])), [[2], [3], [6]]],
  ['takeAlongAxis of the first axis', () => takeAlongAxis(rows, columns([2, 0]), 0), [[5, 2]]],
  ['takeAlongAxis of fewer rows', () => takeAlongAxis(rows, columns([1, 1, 0])), [[2, 2, 1]]],
  ['takeAlongAxis of no index', () => takeAlongAxis(rows, zeros([3, 0], 'i32')), [[], [], []]],
  [
    'putAlongAxis',
    () => putAlongAxis(rows, columns([1], [0], [1]), tensor([[7], [8], [9]])),
    [
      [1, 7],
      [8, 4],
      [5, 9],
    ],
  ],
  [
    'putAlongAxis of one number',
    () => putAlongAxis(rows, columns([2, 0]), 0, 0),
    [
      [1, 0],
      [3, 4],
      [0, 6],
    ],
  ],
  [
    'putAlongAxis of what is named twice',
    () => putAlongAxis(zeros([3]), i32(1, 1, 0), tensor([1, 2, 3])),
    [3, 2, 0],
  ],
  [
    'putAlongAxis that adds',
    () => putAlongAxis(tensor([10, 20, 30]), i32(1, 1, 0), tensor([1, 2, 3]), 0, { mode: 'add' }),
    [13, 23, 30],
  ],
  [
    'scatter',
    () =>
      scatter(
        rows,
        i32(2, 0),
        tensor([
          [7, 7],
          [8, 8],
        ]),
      ),
    [
      [8, 8],
      [3, 4],
      [7, 7],
    ],
  ],
  [
    'scatter of what is named twice',
    () => scatter(tensor([1, 2, 3]), i32(1, 1), tensor([7, 8])),
    [1, 8, 3],
  ],
  [
    'scatter of columns',
    () => scatter(rows, i32(1), tensor([[0], [0], [0]]), -1),
    [
      [1, 0],
      [3, 0],
      [5, 0],
    ],
  ],
  ['scatter of nothing', () => scatter(tensor([1, 2]), i32(), zeros([0])), [1, 2]],
  [
    'argsort',
    () => argsort(unordered),
    [
      [1, 2, 0],
      [0, 1, 2],
    ],
  ],
  [
    'argsort along the first axis',
    () => argsort(unordered, { axis: 0 }),
    [
      [1, 0, 0],
      [0, 1, 1],
    ],
  ],
  [
    'argsort, descending, keeps equals in order',
    () => argsort(unordered, { descending: true }),
    [
      [0, 2, 1],
      [1, 2, 0],
    ],
  ],
  ['argsort takes a NaN for the largest', () => argsort(special), [4, 2, 3, 6, 1, 0, 5]],
  [
    'argsort, descending, takes a NaN for the largest',
    () => argsort(special, { descending: true }),
    [0, 5, 1, 6, 2, 3, 4],
  ],
  ['argsort of nothing', () => argsort(zeros([0])), []],
  [
    'argsort of words beyond i32',
    () => argsort(tensor([4294967295, 0, 2147483648], [3], 'u32')),
    [1, 2, 0],
  ],
  [
    'sort',
    () => sort(unordered),
    [
      [1, 2, 3],
      [0, 5, 5],
    ],
  ],
  [
    'sort, descending',
    () => sort(unordered, { axis: 0, descending: true }),
    [
      [3, 5, 5],
      [0, 1, 2],
    ],
  ],
  ['sort of special numbers', () => sort(special), [-infinity, 0, -0, 1, infinity, nan, nan]],
  [
    'values of topk',
    () => topk(unordered, 2).values,
    [
      [3, 2],
      [5, 5],
    ],
  ],
  [
    'indices of topk',
    () => topk(unordered, 2).indices,
    [
      [0, 2],
      [1, 2],
    ],
  ],
  [
    'topk of the smallest',
    () => topk(unordered, 1, { axis: 0, largest: false }).values,
    [[0, 1, 2]],
  ],
  ['topk of none', () => topk(tensor([1, 2]), 0).values, []],
];

test.each(table)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

const weights = tensor([1, 10, 100]);

const gradients: readonly [
  call: string,
  fn: (x: Tensor) => Tensor,
  x: Tensor,
  expected: number[],
][] = [
  ['sort', (x) => sum(mul(sort(x), weights)), tensor([3, 1, 2]), [100, 1, 10]],
  ['topk', (x) => sum(topk(x, 2).values), tensor([3, 1, 2]), [1, 0, 1]],
  [
    'takeAlongAxis of one element twice',
    (x) => sum(takeAlongAxis(x, i32(1, 1))),
    weights,
    [0, 2, 0],
  ],
  [
    'putAlongAxis by updates of which one is lost',
    (x) => sum(mul(putAlongAxis(zeros([3]), i32(1, 1, 0), x), weights)),
    tensor([1, 2, 3]),
    [0, 10, 1],
  ],
  [
    'putAlongAxis by what is replaced',
    (x) => sum(mul(putAlongAxis(x, i32(1), 5), weights)),
    tensor([1, 2, 3]),
    [1, 0, 100],
  ],
  [
    'scatter by updates of which one is lost',
    (x) => sum(mul(scatter(zeros([3]), i32(2, 0, 2), x), weights)),
    tensor([1, 2, 3]),
    [0, 1, 100],
  ],
  ['scatter by what is replaced', (x) => sum(scatter(x, i32(2), tensor([0]))), weights, [1, 1, 0]],
];

test.each(gradients)('the derivative of %s', async (_, fn, x, expected) => {
  expect(await nested(grad(fn)(x))).toEqual(expected);
});

const refused: readonly [message: string, call: () => unknown][] = [
  ['takeAlongAxis: indices of shape [2] do not fit [3,2]', () => takeAlongAxis(rows, i32(0, 1))],
  [
    'takeAlongAxis: indices of shape [4,1] do not fit [3,2]',
    () => takeAlongAxis(rows, zeros([4, 1], 'i32')),
  ],
  ['takeAlongAxis: index cannot be f32', () => takeAlongAxis(rows, zeros([3, 1]))],
  [
    'putAlongAxis: the updates do not fit',
    () => putAlongAxis(rows, zeros([3, 1], 'i32'), zeros([3, 2])),
  ],
  [
    'scatter: updates [2,2] at indices [1] do not fit [3,2]',
    () => scatter(rows, i32(0), zeros([2, 2])),
  ],
  ['argsort: a scalar has no axis', () => sort(tensor(1))],
  ['argsort: axis 2 is outside a tensor of rank 2', () => argsort(rows, { axis: 2 })],
  ['topk: axis 1 of [3,2] has no 3 elements', () => topk(rows, 3)],
];

test.each(refused)('%s', (message, call) => {
  expect(call).toThrow(message);
});

test('an index outside of its axis is refused when it is used', async () => {
  for (const [op, call] of [
    ['takeAlongAxis', takeAlongAxis(tensor([1]), i32(-1))],
    ['putAlongAxis', putAlongAxis(tensor([1]), i32(-1), 2)],
    ['scatter', scatter(tensor([1]), i32(-1), tensor([2]))],
  ] as const) {
    await expect(call.data()).rejects.toThrow(`${op}: index -1 is outside an axis of length 1`);
  }
});
