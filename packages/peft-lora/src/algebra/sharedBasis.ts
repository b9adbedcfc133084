import { concat, dot, mul, qr, sliceAxis, svd, swapAxes, type Tensor } from '@lorikeet/tensor-core';
import { type LowRank, rankOf } from './lowRank.ts';

/** Some updates of one weight in one orthonormal basis of all their outputs. */
export interface SharedBasis {
  /** [out, k] with orthonormal columns; k is at most the sum of the ranks. */
  readonly basis: Tensor;
  /** Of each update, [k, in]: `basis` times it is the update, and sizes are those of the update. */
  readonly coordinates: readonly Tensor[];
}

/**
 * The basis of left singular vectors of all updates side by side, in which those of different adapters can be compared
 * element by element: Stoica et al. 2024, "Model merging with SVD to tie the knots", https://arxiv.org/abs/2410.19735.
 * Factors by themselves cannot, since `B A` is `(B G) (G^-1 A)` too.
 */
export function sharedBasis(pairs: readonly LowRank[]): SharedBasis {
  const outer = qr(
    concat(
      pairs.map(({ left }) => left),
      1,
    ),
  ); // [out, k], [k, sum of R]
  let start = 0;
  const parts = pairs.map((pair) => {
    const columns = mul(sliceAxis(outer.r, 1, start, rankOf(pair)), pair.scale); // [k, R]
    start += rankOf(pair);
    const inner = qr(swapAxes(pair.right)); // [in, l], [l, R]
    // With orthonormal rows taken off, what is left has the same left singular vectors.
    return { core: dot(columns, inner.r, { contract: [[1], [1]] }), rows: swapAxes(inner.q) };
  });
  const { u } = svd(
    concat(
      parts.map(({ core }) => core),
      1,
    ),
  );
  return {
    basis: dot(outer.q, u, { contract: [[1], [0]] }),
    coordinates: parts.map(({ core, rows }) =>
      dot(dot(u, core, { contract: [[0], [0]] }), rows, { contract: [[1], [0]] }),
    ),
  };
}
