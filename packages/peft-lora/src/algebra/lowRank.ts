import type { Site } from '@lorikeet/nn';
import {
  concat,
  dot,
  gather,
  less,
  mul,
  qr,
  reshape,
  type Svd,
  sliceAxis,
  sub,
  svd,
  swapAxes,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { exchangeOrder, type SiteShape } from '../siteShape.ts';

/** A matrix as `scale` times a product of two thin ones: exact, and small where the rank R is. */
export interface LowRank {
  /** [out, R] */
  readonly left: Tensor;
  /** [R, in]; of a kernel, the channels in times its sides. */
  readonly right: Tensor;
  readonly scale: number;
}

/** R: the rank that the product can have. */
export function rankOf({ left }: LowRank): number {
  return left.shape[1] ?? 0;
}

/** The matrix itself, [out, in]. For tests, and where a dense result was asked for. */
export function denseOf({ left, right, scale }: LowRank): Tensor {
  return mul(dot(left, right, { contract: [[1], [0]] }), scale);
}

/** A matrix [out, in] of a pair in the order of axes in which the module stores its weight. */
export function inWeightOrder(
  matrix: Tensor,
  { site, shape }: { readonly site: Site; readonly shape: SiteShape },
): Tensor {
  if (shape.kind === 'embedding') return swapAxes(matrix);
  if (shape.kind === 'conv') return reshape(matrix, [shape.out, shape.in, ...shape.kernel]);
  return exchangeOrder(site, matrix);
}

/**
 * The way back: the change of a weight, as its module stores it, as the matrix [out, in] of a pair; of experts as one over the
 * other, [E * out, in].
 */
export function asMatrix(
  change: Tensor,
  { site, shape }: { readonly site: Site; readonly shape: SiteShape },
): Tensor {
  if (shape.kind === 'embedding') return swapAxes(change);
  if (shape.kind === 'conv') return reshape(change, [shape.out, change.size / shape.out]);
  return reshape(exchangeOrder(site, change), [shape.experts * shape.out, shape.in]);
}

export function scaled(pair: LowRank, by: number): LowRank {
  return { ...pair, scale: pair.scale * by };
}

/** The exact sum: the factors side by side, each scale worked into the right one. */
export function sumOf(pairs: readonly LowRank[]): LowRank {
  return {
    left: concat(
      pairs.map(({ left }) => left),
      1,
    ),
    right: concat(
      pairs.map(({ right, scale }) => mul(right, scale)),
      0,
    ),
    scale: 1,
  };
}

/**
 * The singular value decomposition of the product, from QR of each factor and SVD of the core between them,
 * [R, R]: nothing of the size of the matrix is made.
 */
export function svdOf({ left, right, scale }: LowRank): Svd {
  const [outer, inner] = [qr(left), qr(swapAxes(right))]; // [out, k] [k, R]; [in, l] [l, R]
  const core = mul(dot(outer.r, inner.r, { contract: [[1], [1]] }), scale); // [k, l]
  const { u, s, v } = svd(core);
  const times = (basis: Tensor, turn: Tensor): Tensor => dot(basis, turn, { contract: [[1], [0]] });
  return { u: times(outer.q, u), s, v: times(inner.q, v) };
}

/**
 * The nearest matrix of a rank, by Eckart and Young 1936: the columns of `left` are orthogonal, the largest first,
 * and the rows of `right` orthonormal. A rank that is no smaller than that of the product changes nothing but this.
 */
export function truncated(pair: LowRank, rank: number): LowRank {
  return fromSvd(svdOf(pair), rank);
}

/** The first `rank` terms of a decomposition. */
export function fromSvd({ u, s, v }: Svd, rank: number): LowRank {
  const kept = Math.min(rank, s.shape[0] ?? 0);
  const first = (part: Tensor): Tensor => sliceAxis(part, -1, 0, kept);
  return { left: mul(first(u), first(s)), right: swapAxes(first(v)), scale: 1 };
}

/** What of `pair` lies outside of the columns and of the rows of `other`: each leaves the other's inputs and outputs alone. */
export function apartFrom(pair: LowRank, other: LowRank): LowRank {
  const [outer, inner] = [basisOf(other.left), basisOf(swapAxes(other.right))];
  const without = (x: Tensor, basis: Tensor): Tensor =>
    sub(x, dot(basis, dot(basis, x, { contract: [[0], [0]] }), { contract: [[1], [0]] }));
  return {
    left: without(pair.left, outer),
    right: swapAxes(without(swapAxes(pair.right), inner)),
    scale: pair.scale,
  };
}

/** Orthonormal columns that span those of a matrix, and nothing else: directions of size 0 become columns of 0. */
function basisOf(matrix: Tensor): Tensor {
  const { u, s } = svd(matrix);
  const largest = sliceAxis(s, 0, 0, 1);
  return mul(u, less(mul(largest, 1e-6), s).cast(u.dtype));
}

/**
 * Each row's own mixture of updates, `sum of gate_i (left_i right_i x)`, as two thin products with the factors of all.
 *
 * @param x [..., in]
 * @param gates [..., n], one for each of the pairs.
 * @returns [..., out]
 */
export function route(x: Tensor, pairs: readonly LowRank[], gates: Tensor): Tensor {
  const { left, right } = sumOf(pairs);
  const owners = pairs.flatMap((pair, i) => Array.from({ length: rankOf(pair) }, () => i));
  const low = dot(x, right, { contract: [[-1], [1]] }); // [..., sum of R]
  const gated = mul(low, gather(gates, tensor(owners, [owners.length], 'i32'), -1));
  return dot(gated, left, { contract: [[-1], [1]] });
}
