import {
  add,
  div,
  dot,
  equal,
  eye,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

/**
 * How far the factors of some places are from having orthonormal rows (A) and columns (B): the mean over all of them of
 * the Frobenius norm of their products with themselves, less the identity. As in PEFT; the paper squares the norm.
 */
export function orthogonality(places: readonly { readonly parameters: Tensors }[]): Tensor {
  const norms = places.flatMap(({ parameters }) => [
    skewness(parameterOf(parameters, 'A'), 1),
    skewness(parameterOf(parameters, 'B'), 0),
  ]);
  return div(
    norms.reduce((total, norm) => add(total, norm)),
    norms.length,
  );
}

/**
 * How far a factor is from having orthonormal rows (axis 1) or columns (axis 0): the Frobenius norm of its products with
 * itself along the axis, less the identity. A scalar, whose derivative where it is 0 is 0.
 */
export function skewness(factor: Tensor, axis: 0 | 1): Tensor {
  const products = dot(factor, factor, { contract: [[axis], [axis]] }); // [R, R]
  const [rank = 0] = products.shape;
  const squares = sum(square(sub(products, eye(rank, rank, { dtype: factor.dtype }))));
  const isNone = equal(squares, 0);
  return where(isNone, 0, sqrt(where(isNone, 1, squares)));
}
