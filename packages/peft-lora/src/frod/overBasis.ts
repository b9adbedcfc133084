import {
  cast,
  div,
  greater,
  matmul,
  max,
  mul,
  promote,
  sliceAxis,
  sqrt,
  svd,
  swapAxes,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';

/** A weight over a basis: `W = U diag(lengths) V^T`. */
export interface OverBasis {
  /** [out, in]: columns of length 1, or 0 where the weight has nothing of the vector. */
  readonly U: Tensor;
  /** [in] */
  readonly lengths: Tensor;
}

/**
 * A weight over a basis.
 *
 * @param basis [in, in], its vectors in columns.
 * @param weight [out, in]
 */
export function overBasis(basis: Tensor, weight: Tensor): OverBasis {
  const dtype = promote(weight.dtype, 'f32');
  const parts = matmul(cast(weight, 'f64'), swapAxes(inverseOf(basis))); // [out, in]
  const lengths = sqrt(mul(parts, parts).sum(0));
  const isThere = greater(lengths, 1e-12);
  const unit = div(parts, where(isThere, lengths, 1));
  return { U: cast(where(isThere, unit, 0), dtype), lengths: cast(lengths, dtype) };
}

/** Those of bases that several places have, so that they are computed once. */
const inverses = new WeakMap<Tensor, Tensor>();

/** In f64; of a matrix without an inverse the pseudo-inverse, without singular values below a millionth of the largest. */
function inverseOf(basis: Tensor): Tensor {
  const known = inverses.get(basis);
  if (known !== undefined) return known;
  const { u, s, v } = svd(cast(basis, 'f64'));
  const [side = 0] = s.shape;
  const largest = max(s);
  const isSingular = greater(mul(largest, side * 2 ** -52), sliceAxis(s, 0, side - 1, 1));
  const least = where(isSingular, mul(largest, 1e-6), 0); // [1]
  const isKept = greater(s, least);
  const reciprocal = where(isKept, div(1, where(isKept, s, 1)), 0);
  const inverse = matmul(mul(v, reciprocal), swapAxes(u));
  inverses.set(basis, inverse);
  return inverse;
}
