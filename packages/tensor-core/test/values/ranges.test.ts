import { arange, eye, linspace, type Tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, near, nested } from '../nested.ts';

const table: readonly [call: string, actual: () => Tensor, dtype: string, expected: Nested][] = [
  [
    'eye',
    () => eye(2),
    'f32',
    [
      [1, 0],
      [0, 1],
    ],
  ],
  [
    'eye with more columns',
    () => eye(2, 3, { offset: 1 }),
    'f32',
    [
      [0, 1, 0],
      [0, 0, 1],
    ],
  ],
  [
    'eye with a diagonal below',
    () => eye(2, 2, { offset: -1, dtype: 'i32' }),
    'i32',
    [
      [0, 0],
      [1, 0],
    ],
  ],
  ['eye of nothing', () => eye(0), 'f32', []],
  ['arange', () => arange(4), 'i32', [0, 1, 2, 3]],
  ['arange by a step', () => arange(2, 11, 3), 'i32', [2, 5, 8]],
  ['arange downwards', () => arange(5, 0, -2), 'i32', [5, 3, 1]],
  ['arange of nothing', () => arange(3, 3), 'i32', []],
  ['arange of fractions', () => arange(0, 1, 0.25), 'f32', [0, 0.25, 0.5, 0.75]],
  ['arange of a dtype', () => arange(0, 3, 1, 'f64'), 'f64', [0, 1, 2]],
  ['linspace', () => linspace(0, 1, 5), 'f32', [0, 0.25, 0.5, 0.75, 1]],
  [
    'linspace without its end',
    () => linspace(0, 1, 4, { endpoint: false }),
    'f32',
    [0, 0.25, 0.5, 0.75],
  ],
  ['linspace of one', () => linspace(2, 3, 1), 'f32', [2]],
  ['linspace of none', () => linspace(2, 3, 0), 'f32', []],
  ['linspace in f64', () => linspace(-0.1, 0.3, 3, { dtype: 'f64' }), 'f64', [-0.1, 0.1, 0.3]],
];

test.each(table)('%s', async (_, actual, dtype, expected) => {
  expect(actual().dtype).toBe(dtype);
  expect(await nested(actual())).toEqual(near(expected));
});

test('linspace has both its ends exactly', async () => {
  for (const count of [2, 3, 7, 50]) {
    const numbers = await linspace(-0.1, 0.3, count, { dtype: 'f64' }).data();
    expect([numbers[0], numbers.at(-1)]).toEqual([-0.1, 0.3]);
  }
});

test.each<[message: string, call: () => unknown]>([
  ['arange: no range from 0 to 1 by 0', () => arange(0, 1, 0)],
  ['arange: no range from 0 to Infinity by 1', () => arange(Number.POSITIVE_INFINITY)],
  ['linspace: -1 is no count', () => linspace(0, 1, -1)],
  ['linspace: result cannot be i32', () => linspace(0, 1, 2, { dtype: 'i32' })],
])('%s', (message, call) => {
  expect(call).toThrow(message);
});
