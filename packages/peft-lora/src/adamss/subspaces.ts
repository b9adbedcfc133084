import {
  arange,
  cast,
  concat,
  dot,
  eigh,
  equal,
  expandDims,
  flip,
  greater,
  matmul,
  maximum,
  minimum,
  mul,
  promote,
  qr,
  sliceAxis,
  sum,
  svd,
  swapAxes,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import type { SiteShape } from '../siteShape.ts';
import { MersenneTwister } from '../torch/mersenneTwister.ts';
import { normalValues } from '../torch/randomValues.ts';
import { kMeans } from './kMeans.ts';

/** What the division of a weight depends on. */
export interface DivisionConfig {
  readonly rank: number;
  readonly numSubspaces: number;
  readonly subspaceRank: number;
  readonly useDynamicRank: boolean;
  readonly svdThreshold: number;
  readonly randomSeed: number;
}

/** Sizes of a division: `width` singular vectors, `count` subspaces of at most `rank` features. */
export interface DivisionSides {
  readonly width: number;
  readonly count: number;
  readonly rank: number;
}

export function sidesOf(config: DivisionConfig, shape: SiteShape): DivisionSides {
  const width = Math.min(config.rank, shape.out, shape.in + (shape.hasBias ? 1 : 0));
  return {
    width,
    count: Math.min(config.numSubspaces, shape.out),
    rank: Math.min(config.subspaceRank, width),
  };
}

/** A weight, with its bias as one more column, by subspaces of its outputs. */
export interface Subspaces {
  /** [width, in], or in + 1 with a bias: its leading right singular vectors. */
  readonly newB: Tensor;
  /** i32 [out]: the subspace of each output. */
  readonly rows: Tensor;
  /** i32 [count]: how many features each has. */
  readonly ranks: Tensor;
  /** [count, rank, width]: orthonormal features of each, those of the largest singular values. */
  readonly A: Tensor;
}

/**
 * Divides the outputs of a weight by k-means of what they take of its singular vectors.
 *
 * @param weight [out, in]
 * @param bias [out]
 */
export function subspacesOf(
  weight: Tensor,
  bias: Tensor | null,
  config: DivisionConfig,
  sides: DivisionSides,
): Subspaces {
  const dtype = promote(weight.dtype, 'f32');
  const plain = cast(weight, dtype);
  const whole = bias === null ? plain : concat([plain, expandDims(cast(bias, dtype), 1)], 1);
  const { u, v } = sketchedSvd(whole, sides.width, config.randomSeed);
  const rows = kMeans(u, sides.count);
  const isOwn = cast(equal(expandDims(arange(sides.count), 1), rows), dtype); // [count, out]
  const parts = mul(expandDims(isOwn, 2), u); // [count, out, width]
  const { values, vectors } = eigh(matmul(swapAxes(parts), parts));
  const A = sliceAxis(swapAxes(flip(vectors, [2])), 1, 0, sides.rank);
  const sizes = cast(sum(isOwn, 1), 'i32');
  const ranks = minimum(sizes, sides.rank);
  if (!config.useDynamicRank) return { newB: swapAxes(v), rows, ranks, A };
  const largest = sliceAxis(values, 1, sides.width - 1, 1); // [count, 1]
  const isLarge = greater(values, mul(largest, config.svdThreshold));
  const dynamic = minimum(sum(cast(isLarge, 'i32'), 1), ranks);
  return { newB: swapAxes(v), rows, ranks: maximum(dynamic, 1), A };
}

/** As `torch.svd_lowrank` with two iterations, by the numbers of its seed: u [m, width] and v [n, width]. */
function sketchedSvd(
  x: Tensor,
  width: number,
  seed: number,
): { readonly u: Tensor; readonly v: Tensor } {
  const [rows = 0, columns = 0] = x.shape;
  const tall = rows < columns ? swapAxes(x) : x;
  const side = Math.min(rows, columns);
  const numbers = normalValues(new MersenneTwister(seed), side * width);
  let { q } = qr(matmul(tall, cast(tensor(numbers, [side, width]), x.dtype)));
  for (let i = 0; i < 2; i++) {
    const other = qr(dot(tall, q, { contract: [[0], [0]] })).q;
    q = qr(matmul(tall, other)).q;
  }
  const found = svd(matmul(swapAxes(q), tall));
  const left = matmul(q, found.u);
  return rows < columns ? { u: found.v, v: left } : { u: left, v: found.v };
}
