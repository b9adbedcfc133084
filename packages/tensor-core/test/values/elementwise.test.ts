import {
  abs,
  add,
  cast,
  cos,
  div,
  equal,
  erf,
  exp,
  expm1,
  greater,
  isFinite as isFiniteOf,
  less,
  log,
  logicalAnd,
  logicalNot,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  rsqrt,
  shiftRight,
  sign,
  sin,
  sqrt,
  sub,
  type Tensor,
  tanh,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Nested, near, nested } from '../nested.ts';

const inf = Number.POSITIVE_INFINITY;
const i32 = (...values: number[]): Tensor => tensor(values, undefined, 'i32');
const u32 = (...values: number[]): Tensor => tensor(values, undefined, 'u32');
const u8 = (...values: number[]): Tensor => tensor(values, undefined, 'u8');
const bool = (...values: number[]): Tensor => tensor(values, undefined, 'bool');

// Expected values as NumPy gives them.
const table: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  ['add', () => add(tensor([1, 2]), tensor([10, 20])), [11, 22]],
  [
    'add with broadcasting',
    () => add(tensor([[1], [2]]), tensor([10, 20])),
    [
      [11, 21],
      [12, 22],
    ],
  ],
  ['add of an empty tensor and a scalar', () => add(tensor([]), 1), []],
  ['add that wraps around in u8', () => add(u8(250), u8(10)), [4]],
  ['sub', () => sub(5, tensor([1, 2.5])), [4, 2.5]],
  ['sub that wraps around in u32', () => sub(u32(1), u32(2)), [4294967295]],
  ['mul', () => mul(tensor([1.5, -2]), 4), [6, -8]],
  ['mul with all 32 bits of i32', () => mul(i32(2147483647), i32(2147483647)), [1]],
  ['mul with all 32 bits of u32', () => mul(u32(4294967295), u32(4294967293)), [3]],
  ['div', () => div(tensor([1, -3]), tensor([4, 2])), [0.25, -1.5]],
  ['div by 0', () => div(tensor([1, -1, 0]), 0), [inf, -inf, Number.NaN]],
  ['div of integers, towards 0', () => div(i32(7, -7), 2), [3, -3]],
  ['pow', () => pow(tensor([2, 9, 5]), tensor([10, 0.5, 0])), [1024, 3, 1]],
  ['neg', () => neg(tensor([1, -2])), [-1, 2]],
  ['abs', () => abs(tensor([1, -2, 0])), [1, 2, 0]],
  ['sign', () => sign(tensor([3, -0.5, 0])), [1, -1, 0]],
  ['maximum', () => maximum(tensor([1, 5, Number.NaN]), 3), [3, 5, Number.NaN]],
  ['minimum', () => minimum(tensor([1, 5, Number.NaN]), 3), [1, 3, Number.NaN]],
  ['equal', () => equal(i32(1, 2, 3), i32(1, 0, 3)), [1, 0, 1]],
  ['equal of NaN', () => equal(tensor([Number.NaN]), tensor([Number.NaN])), [0]],
  ['less', () => less(tensor([1, 2, 3]), 2), [1, 0, 0]],
  ['greater', () => greater(tensor([1, 2, 3]), 2), [0, 0, 1]],
  ['less of a u32 beyond the range of i32', () => less(u32(3000000000), u32(1)), [0]],
  ['logicalAnd', () => logicalAnd(bool(1, 1, 0), bool(1, 0, 0)), [1, 0, 0]],
  ['logicalNot', () => logicalNot(bool(1, 0)), [0, 1]],
  ['isFinite', () => isFiniteOf(tensor([1, inf, -inf, Number.NaN])), [1, 0, 0, 0]],
  ['shiftRight', () => shiftRight(u32(4294967295, 256), u32(28, 4)), [15, 16]],
  ['where', () => where(bool(1, 0), tensor([1, 2]), tensor([10, 20])), [1, 20]],
  [
    'where of all three broadcast',
    () => where(tensor([[1], [0]], undefined, 'bool'), tensor([1, 2]), 0),
    [
      [1, 2],
      [0, 0],
    ],
  ],
  ['where past a NaN', () => where(bool(0), Number.NaN, tensor([1])), [1]],
  ['cast to i32, towards 0', () => cast(tensor([1.9, -1.9]), 'i32'), [1, -1]],
  ['cast to u8, wrapping', () => cast(i32(-1, 257), 'u8'), [255, 1]],
  ['cast to bool', () => cast(tensor([0, 0.5, -3, Number.NaN]), 'bool'), [0, 1, 1, 1]],
  ['cast of bool', () => cast(bool(1, 0), 'f32'), [1, 0]],
  ['cast to f16, to nearest', () => cast(tensor([2049, 70000, 1e-8]), 'f16'), [2048, inf, 0]],
  ['cast to bf16, to nearest', () => cast(tensor([257, 3e38]), 'bf16'), [256, 226 * 2 ** 120]],
  ['sqrt', () => sqrt(tensor([4, 0, -1])), [2, 0, Number.NaN]],
];

test.each(table)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(expected);
});

const transcendental: readonly [call: string, actual: () => Tensor, expected: Nested][] = [
  ['exp', () => exp(tensor([0, 2, -1])), [1, 7.389056, 0.367879441]],
  ['expm1', () => expm1(tensor([0, 1, -1])), [0, 1.718281828, -0.632120559]],
  ['log', () => log(tensor([1, 3, 0.25])), [0, 1.098612289, -1.386294361]],
  ['rsqrt', () => rsqrt(tensor([4, 0.25])), [0.5, 2]],
  ['sin', () => sin(tensor([0, 1, -2])), [0, 0.841470985, -0.909297427]],
  ['cos', () => cos(tensor([0, 1, -2])), [1, 0.540302306, -0.416146837]],
  ['tanh', () => tanh(tensor([0, 1, -20])), [0, 0.761594156, -1]],
];

test.each(transcendental)('%s', async (_, actual, expected) => {
  expect(await nested(actual())).toEqual(near(expected));
});

test('expm1 and its small arguments keep all digits', async () => {
  const [small] = await expm1(tensor([1e-10], [1], 'f64')).data();
  expect(small).toBeCloseTo(1.00000000005e-10, 22);
});

test('erf has the digits of f64 in each of its ranges', async () => {
  // Abramowitz and Stegun, table 7.1, and mpmath.
  const known = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.46, 0.4846553900016797],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3.9, 0.9999999652077514],
    [4.5, 0.9999999998033839],
    [5.9, 0.9999999999999999],
    [7, 1],
  ] as const;
  const x = known.flatMap(([place]) => [place, -place]);
  const values = await erf(tensor(x, undefined, 'f64')).data();
  known.forEach(([, expected], i) => {
    expect(values[2 * i]).toBeCloseTo(expected, 14);
    expect(values[2 * i + 1]).toBeCloseTo(-expected, 14);
  });
  expect(await nested(erf(tensor([inf, -inf, Number.NaN])))).toEqual([1, -1, Number.NaN]);
});
