import type { TypedArray } from '@lorikeet/tensor-core';

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export interface Comparison {
  readonly error: number;
  readonly tolerance: number;
  readonly pass: boolean;
}

/**
 * Whether `|got - expected| <= rtol |expected| + atol max|expected|` holds everywhere, with the maximum taken
 * as at least 0.05; and the figures of the element that comes closest to breaking it, or breaks it most.
 *
 * @param isCompared which elements count. All, without it.
 */
export function compare(
  got: TypedArray,
  expected: TypedArray,
  { rtol, atol }: Tolerance,
  isCompared: (index: number) => boolean = () => true,
): Comparison {
  if (got.length !== expected.length)
    return { error: Number.POSITIVE_INFINITY, tolerance: 0, pass: false };
  let largest = 0.05;
  for (const value of expected) largest = Math.max(largest, Math.abs(value));
  let worst: Comparison = { error: 0, tolerance: atol * largest, pass: true };
  let worstRatio = -1;
  for (let i = 0; i < got.length; i++) {
    if (!isCompared(i)) continue;
    const want = expected[i] as number;
    const error = Math.abs((got[i] as number) - want);
    const tolerance = rtol * Math.abs(want) + atol * largest;
    // NaN must not pass: it fails every comparison.
    const ratio = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / tolerance;
    if (ratio > worstRatio) {
      worstRatio = ratio;
      worst = {
        error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error,
        tolerance,
        pass: ratio <= 1,
      };
    }
  }
  return worst;
}
