import {
  cast,
  concat,
  matmul,
  max,
  normal,
  qr,
  randomKey,
  svd,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';

const width = 4;
const steps = 16;

/**
 * The largest singular value of a matrix, by block Lanczos: Golub and Kahan 1965; Musco and Musco 2015,
 * https://arxiv.org/abs/1504.05477. Never too large; for what weights are like, the relative error is below 1e-6. A
 * matrix with a side of at most 64 is decomposed exactly.
 *
 * @param x [m, n], floating point.
 * @returns a scalar.
 */
export function spectralNorm(x: Tensor): Tensor {
  const [rows = 0, columns = 0] = x.shape;
  if (Math.min(rows, columns) <= width * steps) return max(svd(x).s);
  const start = cast(normal(randomKey(0), [columns, width]), x.dtype);
  const blocks = [qr(matmul(x, start)).q];
  for (let i = 1; i < steps; i++) {
    const last = blocks.at(-1) ?? start;
    // Orthonormal in each step, else all columns would turn into the first singular vector.
    blocks.push(qr(matmul(x, matmul(swapAxes(x), last))).q);
  }
  const { q } = qr(concat(blocks, 1));
  return max(svd(matmul(swapAxes(q), x)).s);
}
