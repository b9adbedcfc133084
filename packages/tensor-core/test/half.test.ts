import {
  bf16ToNumber,
  f16ToNumber,
  numberToBf16,
  numberToF16,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

/** Every pattern of 16 bits. */
const patterns = Array.from({ length: 2 ** 16 }, (_, i) => i);

test('every f16 that is a number comes back with the same bits', () => {
  const changed = patterns.filter((bits) => {
    const value = f16ToNumber(bits);
    return Number.isNaN(value) ? !isNaN16(bits) : numberToF16(value) !== bits;
  });
  expect(changed).toEqual([]);
});

test('every bf16 that is a number comes back with the same bits', () => {
  const changed = patterns.filter((bits) => {
    const value = bf16ToNumber(bits);
    if (Number.isNaN(value)) return (bits & 0x7f80) !== 0x7f80 || (bits & 0x7f) === 0;
    return numberToBf16(value) !== bits;
  });
  expect(changed).toEqual([]);
});

function isNaN16(bits: number): boolean {
  return (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
}

test('NaN stays NaN', () => {
  expect(isNaN16(numberToF16(Number.NaN))).toBe(true);
  expect(bf16ToNumber(numberToBf16(Number.NaN))).toBeNaN();
});

test('known f16 patterns have their values', () => {
  expect(f16ToNumber(0x3c00)).toBe(1);
  expect(f16ToNumber(0xc000)).toBe(-2);
  expect(f16ToNumber(0x7bff)).toBe(65504);
  expect(f16ToNumber(0x0001)).toBe(2 ** -24);
  expect(f16ToNumber(0x0400)).toBe(2 ** -14);
  expect(f16ToNumber(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
  expect(Object.is(f16ToNumber(0x8000), -0)).toBe(true);
});

/** Half way between a pattern and the next, and a little to either side. */
test.each([
  ['f16', numberToF16, f16ToNumber, 0x7bff],
  ['bf16', numberToBf16, bf16ToNumber, 0x7f7f],
] as const)('%s rounds to nearest, and ties to even', (_, toBits, toNumber, largest) => {
  const wrong: number[] = [];
  for (let bits = 0; bits < largest; bits++) {
    const [low, high] = [toNumber(bits), toNumber(bits + 1)];
    const middle = low + (high - low) / 2;
    const even = bits % 2 === 0 ? bits : bits + 1;
    const step = (high - low) / 16;
    const good =
      toBits(middle) === even &&
      toBits(middle - step) === bits &&
      toBits(middle + step) === bits + 1 &&
      toBits(-middle) === (even | 0x8000);
    if (!good) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
});

test('what is too large becomes infinite, from half a step beyond the largest on', () => {
  expect(numberToF16(65519.99)).toBe(0x7bff);
  expect(numberToF16(65520)).toBe(0x7c00);
  expect(numberToF16(-1e10)).toBe(0xfc00);
  const largest = bf16ToNumber(0x7f7f);
  expect(numberToBf16(largest + 2 ** 118)).toBe(0x7f7f);
  expect(numberToBf16(largest + 2 ** 119)).toBe(0x7f80);
});

test('a tensor of half precision reads as the rounded numbers', async () => {
  const data = await tensor([1 / 3, 2049, 1e6], undefined, 'f16').data();
  expect(data).toBeInstanceOf(Float32Array);
  expect([...data]).toEqual([0.333251953125, 2048, Number.POSITIVE_INFINITY]);
});
