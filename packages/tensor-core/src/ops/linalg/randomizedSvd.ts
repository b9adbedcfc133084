import { LorikeetError } from '../../errors.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { matmul } from '../contraction/matmul.ts';
import { swapAxes } from '../movement/permute.ts';
import { sliceAxis } from '../movement/slice.ts';
import { normal } from '../random/normal.ts';
import { cast } from '../unary/cast.ts';
import { qr } from './qr.ts';
import { type Svd, svd } from './svd.ts';

export interface RandomizedSvdOptions {
  /** u32[2], from `randomKey`. */
  readonly key: Tensor;
  /** Columns of the sketch beyond the rank. Defaults to 10. */
  readonly oversample?: number;
  /** Power iterations, which sharpen a spectrum that falls slowly. Defaults to 2. */
  readonly iterations?: number;
}

/**
 * The largest `rank` singular values and their vectors, approximately, from a random sketch of the range:
 * Halko, Martinsson and Tropp 2011. Much less work than `svd` for a small rank.
 *
 * @param x [..., m, n], floating point.
 * @throws LorikeetError `invalid-argument` if the rank is not from 1 to the smaller side.
 */
export function randomizedSvd(
  x: Tensor,
  rank: number,
  { key, oversample = 10, iterations = 2 }: RandomizedSvdOptions,
): Svd {
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  const most = Math.min(rows, columns);
  if (x.rank < 2 || !(Number.isInteger(rank) && rank >= 1 && rank <= most)) {
    throw new LorikeetError(
      'invalid-argument',
      `randomizedSvd: rank ${rank} of a matrix ${formatShape(x.shape)}`,
      { expected: `a whole number from 1 to ${most}`, received: String(rank) },
    );
  }
  const width = Math.min(rank + oversample, most);
  const sketch = cast(normal(key, [columns, width]), x.dtype);
  let { q } = qr(matmul(x, sketch));
  for (let i = 0; i < iterations; i++) {
    // Orthonormal after each product, else all columns would turn into the first singular vector.
    const other = qr(matmul(swapAxes(x), q)).q;
    q = qr(matmul(x, other)).q;
  }
  const { u, s, v } = svd(matmul(swapAxes(q), x));
  const first = (part: Tensor): Tensor => sliceAxis(part, -1, 0, rank);
  return { u: first(matmul(q, u)), s: first(s), v: first(v) };
}
