import type { Tensor } from '@lorikeet/tensor-core';
import { expect } from 'vitest';

export type Nested = number | readonly Nested[];

/** The elements of a tensor in arrays nested as its shape says, so that one look compares both. */
export async function nested(x: Tensor): Promise<Nested> {
  const data = await x.data();
  let next = 0;
  const build = ([side, ...rest]: readonly number[]): Nested =>
    side === undefined ? (data[next++] as number) : Array.from({ length: side }, () => build(rest));
  return build(x.shape);
}

/** What equals numbers that have six digits in common with `expected`, nested in the same way. */
export function near(expected: Nested): unknown {
  if (typeof expected !== 'number') return expected.map(near);
  const before = Math.max(0, Math.ceil(Math.log10(Math.abs(expected))));
  return expect.closeTo(expected, 6 - before);
}
