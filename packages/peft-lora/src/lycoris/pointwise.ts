import { dot, permute, type Tensor } from '@lorikeet/tensor-core';

/**
 * A mixture of channels, the same at every place.
 *
 * @param x [B, R, ...spatial]
 * @param tall [O, R]
 * @returns [B, O, ...spatial]
 */
export function pointwise(x: Tensor, tall: Tensor): Tensor {
  const product = dot(tall, x, { contract: [[1], [1]] }); // [O, B, ...spatial]
  return permute(product, [1, 0, ...product.shape.slice(2).map((_, i) => i + 2)]);
}
