import { add, div, dot, eye, mul, sqrt, sub, type Tensor } from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

/**
 * How far the factors of some places are from having orthonormal rows (A) and columns (B): the mean over all of them of
 * the Frobenius norm of their products with themselves, less the identity. As in PEFT; the paper squares the norm.
 */
export function orthogonality(places: readonly { readonly parameters: Tensors }[]): Tensor {
  const norms = places.flatMap(({ parameters }) => [
    distance(parameterOf(parameters, 'A'), 1),
    distance(parameterOf(parameters, 'B'), 0),
  ]);
  return div(
    norms.reduce((sum, norm) => add(sum, norm)),
    norms.length,
  );
}

/** Of the inner products along an axis from the identity, [R, R]. */
function distance(factor: Tensor, axis: 0 | 1): Tensor {
  const products = dot(factor, factor, { contract: [[axis], [axis]] });
  const [rank = 0] = products.shape;
  const difference = sub(products, eye(rank, rank, { dtype: factor.dtype }));
  return sqrt(mul(difference, difference).sum());
}
