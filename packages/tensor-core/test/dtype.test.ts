import {
  add,
  byteSize,
  type DType,
  dtypes,
  isDType,
  isFloat,
  isInteger,
  isPacked,
  mul,
  promote,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const names = ['bool', 'u4', 'i4', 'u8', 'i8', 'u32', 'i32', 'bf16', 'f16', 'f32', 'f64'] as const;

/** The least and the greatest whole number up to which a dtype holds every one. */
const range: Readonly<Record<DType, readonly [number, number]>> = {
  bool: [0, 1],
  u4: [0, 15],
  i4: [-8, 7],
  u8: [0, 255],
  i8: [-128, 127],
  u32: [0, 2 ** 32 - 1],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  bf16: [-256, 256],
  f16: [-2048, 2048],
  f32: [-(2 ** 24), 2 ** 24],
  f64: [-(2 ** 53), 2 ** 53],
};
const pairs = names.flatMap((a) => names.map((b) => [a, b] as const));
const holds = (wide: DType, narrow: DType): boolean =>
  range[wide][0] <= range[narrow][0] && range[wide][1] >= range[narrow][1];
const isExact = (dtype: DType): boolean => !isFloat(dtype);

test('two dtypes meet in the same whichever comes first, and in themselves', () => {
  for (const [a, b] of pairs) expect(promote(a, b), `${a}, ${b}`).toBe(promote(b, a));
  for (const a of names) expect(promote(a, a)).toBe(a);
});

test('integers meet in the narrowest integer that holds both, else in f32', () => {
  for (const [a, b] of pairs.filter((pair) => pair.every(isExact))) {
    const wide = names.filter((c) => isExact(c) && holds(c, a) && holds(c, b));
    const narrowest = wide.find((c) => wide.every((other) => holds(other, c)));
    expect(promote(a, b), `${a}, ${b}`).toBe(narrowest ?? 'f32');
  }
});

test('an integer takes the float that it meets, and floats meet in the one that holds both', () => {
  const floats = names.filter(isFloat);
  for (const [a, b] of pairs.filter(([left, right]) => isExact(left) && isFloat(right)))
    expect(promote(a, b), `${a}, ${b}`).toBe(b);
  expect(floats.map((a) => floats.map((b) => promote(a, b)))).toEqual([
    ['bf16', 'f32', 'f32', 'f64'],
    ['f32', 'f16', 'f32', 'f64'],
    ['f32', 'f32', 'f32', 'f64'],
    ['f64', 'f64', 'f64', 'f64'],
  ]);
});

test('promotion does not depend on the order of three', () => {
  // But where u32 meets a signed integer in f32 by decision, since no integer holds both.
  const isExempt = (...three: DType[]): boolean =>
    three.includes('u32') &&
    three.some((d) => isExact(d) && range[d][0] < 0) &&
    three.some((d) => d === 'f16' || d === 'bf16');
  for (const [a, b] of pairs)
    for (const c of names)
      if (!isExempt(a, b, c))
        expect(promote(promote(a, b), c), `${a}, ${b}, ${c}`).toBe(promote(a, promote(b, c)));
});

test('the tests name every dtype that there is', () => {
  expect([...dtypes].sort()).toEqual([...names].sort());
});

test('facts of dtypes', () => {
  expect(names.map(byteSize)).toEqual([1, 0.5, 0.5, 1, 1, 4, 4, 2, 2, 4, 8]);
  expect(names.filter(isFloat)).toEqual(['bf16', 'f16', 'f32', 'f64']);
  expect(names.filter(isInteger)).toEqual(['u4', 'i4', 'u8', 'i8', 'u32', 'i32']);
  expect(names.filter(isPacked)).toEqual(['u4', 'i4']);
  expect(isDType('f32')).toBe(true);
  expect(isDType('float32')).toBe(false);
  expect(isDType('toString')).toBe(false);
});

test('a number takes the dtype of the tensor that it meets', () => {
  expect(mul(tensor([1], undefined, 'f16'), 0.1).dtype).toBe('f16');
  expect(add(tensor([1], undefined, 'f64'), 1).dtype).toBe('f64');
  expect(add(tensor([1], undefined, 'u8'), 1).dtype).toBe('u8');
  expect(add(tensor([1], undefined, 'bool'), 1).dtype).toBe('i32');
  expect(add(tensor([1], undefined, 'i32'), 0.5).dtype).toBe('f32');
  expect(add(1, 2).dtype).toBe('f32');
});

test('operands of unequal dtypes meet in arithmetic', async () => {
  const sum = add(tensor([1], undefined, 'i32'), tensor([0.5], undefined, 'f64'));
  expect(sum.dtype).toBe('f64');
  expect(await sum.item()).toBe(1.5);
});
