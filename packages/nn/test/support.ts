import type { ErrorCode, Tensor } from '@lorikeet/tensor-core';
import { expect } from 'vitest';

/** The elements of a tensor, row by row. */
export async function numbers(x: Tensor): Promise<number[]> {
  return [...(await x.data())];
}

/** What equals a `LorikeetError` of a code whose whole text holds `part`. */
export function refusal(code: ErrorCode, part = ''): Error {
  return expect.objectContaining({
    name: 'LorikeetError',
    code,
    message: expect.stringContaining(part),
  });
}

/** Asserts that two lists of numbers differ by at most `tolerance` times the largest of the expected, or 1. */
export function expectClose(
  received: readonly number[],
  expected: readonly number[],
  tolerance = 1e-6,
): void {
  expect(received.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  const worst = Math.max(0, ...expected.map((value, i) => Math.abs(value - (received[i] ?? NaN))));
  expect(
    worst,
    `expected ${expected.join(', ')}\nreceived ${received.join(', ')}`,
  ).toBeLessThanOrEqual(tolerance * scale);
}
