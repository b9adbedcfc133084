import { maximum, mul, rsqrt, square, sum, type Tensor } from '@lorikeet/tensor-core';

/**
 * The nearest skew-symmetric matrices whose norm is at most a radius.
 *
 * @param packed upper triangles, [D, b (b - 1) / 2]; both triangles count for the norm.
 */
export function withinBall(packed: Tensor, radius: number): Tensor {
  const squares = mul(sum(square(packed), -1, { keepAxes: true }), 2);
  return mul(packed, mul(rsqrt(maximum(squares, radius * radius)), radius));
}
