import { materialize } from '@lorikeet/nn';
import {
  abs,
  add,
  LorikeetError,
  matmul,
  max,
  sliceAxis,
  svd,
  swapAxes,
} from '@lorikeet/tensor-core';
import { asMatrix, denseOf, fromSvd } from '../algebra/lowRank.ts';
import type { UpdateSpectrum } from './updateSpectrum.ts';

export interface IntruderOptions {
  /** How many of the leading singular vectors of the adapted weight are looked at. Defaults to 10. */
  readonly top?: number;
  /** The cosine below which a vector is like none of the base. Defaults to 0.5. */
  readonly threshold?: number;
}

/**
 * The number of intruder dimensions: of the leading left singular vectors of the adapted weight, those that are unlike each
 * of the base's. Shuttleworth et al. 2024, https://arxiv.org/abs/2410.21228, which finds that they go with forgetting.
 * Decomposes both weights whole.
 */
export async function intrudersOf(
  { layer, svd: change }: UpdateSpectrum,
  { top = 10, threshold = 0.5 }: IntruderOptions,
): Promise<number> {
  const base = asMatrix(materialize(layer.base), layer.settings);
  const before = svd(base).u; // [out, k]
  const after = svd(add(base, denseOf(fromSvd(change, change.s.size)))).u;
  const leading = sliceAxis(after, 1, 0, Math.min(top, after.shape[1] ?? 0));
  const cosines = max(abs(matmul(swapAxes(before), leading)), [0]);
  return [...(await cosines.data())].filter((cosine) => Number(cosine) < threshold).length;
}

/** Throws `invalid-argument`. */
export function requireIntruderOptions({ top = 10, threshold = 0.5 }: IntruderOptions): void {
  if (Number.isInteger(top) && top >= 1 && threshold > 0 && threshold <= 1) return;
  throw new LorikeetError('invalid-argument', 'intruders: no such vectors', {
    expected: 'top: a whole number from 1 up, threshold: a cosine above 0, up to 1',
    received: `top ${top}, threshold ${threshold}`,
  });
}
