import { dot, eye, moveAxis, mul, reshape, type Tensor } from '@lorikeet/tensor-core';

/**
 * `x M^T` for a matrix M of N blocks along its diagonal, which are the N parts of the rows of `blocks`.
 *
 * @param x [..., in]
 * @param blocks [out, in / N]
 * @returns [..., out]
 */
export function blockProduct(x: Tensor, blocks: Tensor, N: number): Tensor {
  const rows = x.shape.slice(0, -1);
  const parts = reshape(x, [...rows, N, -1]); // [..., N, in / N]
  const product = dot(parts, apart(blocks, N), { contract: [[-1], [2]], batch: [[-2], [0]] });
  return reshape(moveAxis(product, 0, -2), [...rows, -1]);
}

/** Such a matrix with its zeros, [out, in], of `blocks`, [out, in / N]. */
export function wholeOf(blocks: Tensor, N: number): Tensor {
  const [out = 0, side = 0] = blocks.shape;
  const own = reshape(eye(N, N, { dtype: blocks.dtype }), [N, 1, N, 1]);
  return reshape(mul(reshape(blocks, [N, out / N, 1, side]), own), [out, N * side]);
}

/** [N, out / N, in / N] */
function apart(blocks: Tensor, N: number): Tensor {
  const [out = 0, side = 0] = blocks.shape;
  return reshape(blocks, [N, out / N, side]);
}
