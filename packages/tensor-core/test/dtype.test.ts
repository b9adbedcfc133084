import {
  add,
  byteSize,
  type DType,
  dtypes,
  isDType,
  isFloat,
  isInteger,
  mul,
  promote,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const names = ['bool', 'u8', 'u32', 'i32', 'bf16', 'f16', 'f32', 'f64'] as const;

// Row and column in the order of `names`.
const table: Readonly<Record<DType, string>> = {
  bool: 'bool u8  u32 i32 bf16 f16 f32 f64',
  u8: '  u8   u8  u32 i32 bf16 f16 f32 f64',
  u32: ' u32  u32 u32 f32 bf16 f16 f32 f64',
  i32: ' i32  i32 f32 i32 bf16 f16 f32 f64',
  bf16: 'bf16 bf16 bf16 bf16 bf16 f32 f32 f64',
  f16: ' f16  f16 f16 f16 f32  f16 f32 f64',
  f32: ' f32  f32 f32 f32 f32  f32 f32 f64',
  f64: ' f64  f64 f64 f64 f64  f64 f64 f64',
};

describe('two dtypes meet in', () => {
  test.each(
    names.flatMap((a) => {
      const row = table[a].trim().split(/\s+/);
      return names.map((b, i) => [a, b, row[i] ?? ''] as const);
    }),
  )('%s and %s: %s', (a, b, expected) => {
    expect(promote(a, b)).toBe(expected);
    expect(promote(b, a)).toBe(expected);
  });
});

test('promotion does not depend on the order of three', () => {
  // But for the two pairs in which neither holds the other, and which meet in f32 by decision.
  const isExempt = (...three: DType[]): boolean =>
    three.includes('u32') &&
    three.includes('i32') &&
    three.some((d) => d === 'f16' || d === 'bf16');
  for (const a of names)
    for (const b of names)
      for (const c of names)
        if (!isExempt(a, b, c)) expect(promote(promote(a, b), c)).toBe(promote(a, promote(b, c)));
});

test('the table names every dtype that there is', () => {
  expect([...dtypes].sort()).toEqual([...names].sort());
});

test('facts of dtypes', () => {
  expect(names.map(byteSize)).toEqual([1, 1, 4, 4, 2, 2, 4, 8]);
  expect(names.filter(isFloat)).toEqual(['bf16', 'f16', 'f32', 'f64']);
  expect(names.filter(isInteger)).toEqual(['u8', 'u32', 'i32']);
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
