import {
  add,
  cast,
  concat,
  div,
  dot,
  eigh,
  eye,
  inv,
  matmul,
  mul,
  promote,
  qr,
  sliceAxis,
  sub,
  svd,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';

/**
 * The basis that matrices have in common, its vectors in columns, [in, in]: the right vectors of their hierarchical joint
 * decomposition, a generalised singular value decomposition of many matrices that may lack ranks (Kempf et al. 2023). Of fewer
 * rows than columns, the right singular vectors with any that complete them.
 *
 * @param matrices [out, in] each, at least one.
 * @param regularization is added to the Gram matrices before they are inverted.
 */
export function jointBasis(matrices: readonly Tensor[], regularization: number): Tensor {
  const wide = matrices.map((matrix) => cast(matrix, promote(matrix.dtype, 'f32')));
  const stacked = concat(wide); // [rows, in]
  const [rows = 0, side = 0] = stacked.shape;
  if (rows < side) return completed(svd(stacked).v);
  const { q, r } = qr(stacked);
  const unit = eye(side, side, { dtype: stacked.dtype });
  let start = 0;
  const inverses = wide.map(({ shape: [height = 0] }) => {
    const part = sliceAxis(q, 0, start, height);
    start += height;
    const gram = dot(part, part, { contract: [[0], [0]] });
    return inv(add(gram, mul(unit, regularization)));
  });
  const mean = div(
    inverses.reduce((sum, inverse) => add(sum, inverse)),
    matrices.length,
  );
  return matmul(swapAxes(r), eigh(mean).vectors);
}

/** Orthonormal columns [n, k] with others up to a basis [n, n]. */
function completed(columns: Tensor): Tensor {
  const [side = 0, count = 0] = columns.shape;
  const unit = eye(side, side, { dtype: columns.dtype });
  const rest = sub(unit, matmul(columns, swapAxes(columns)));
  return concat([columns, sliceAxis(eigh(rest).vectors, 1, count, side - count)], 1);
}
