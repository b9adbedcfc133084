import {
  add,
  cast,
  div,
  dot,
  equal,
  gather,
  maximum,
  mul,
  permute,
  promote,
  reshape,
  scatter,
  sqrt,
  square,
  stopGradient,
  sum,
  type Tensor,
  topk,
  where,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { AdapterArguments } from '../variant.ts';
import type { LoraConfig } from './loraConfig.ts';
import { factorsOf, type LoraFactors, matricesOf } from './loraFactors.ts';

/** One in so many rows has its norm computed directly. */
const rowsForEachDirect = 64;

/**
 * DoRA's factor for each output, [out]: the trained magnitude over the norm of the adapted weight, which derivatives take
 * as a constant (section 4.3 of the paper).
 */
export function magnitudeScale(args: AdapterArguments<LoraConfig>, norms: Tensor): Tensor {
  const magnitude = reshape(parameterOf(args.parameters, 'magnitude'), [args.shape.out]);
  const held = stopGradient(norms);
  // Weights that are all zero have no direction: whatever their magnitude, they stay zero.
  return div(magnitude, where(equal(held, 0), 1, held));
}

/** The norm of the weights of each output, [out], of a whole adapted weight. */
export function normsOf(weight: Tensor, shape: SiteShape): Tensor {
  return sqrt(sum(square(asRows(weight, shape)), 1));
}

/** The square of the norm of the weights of each output, [out], of the weight under the adapter. */
export function squaresOf(base: Tensor, shape: SiteShape, factors: LoraFactors): Tensor {
  return sum(square(cast(asRows(base, shape), accurate(base, factors))), 1);
}

/**
 * The norms of the adapted weight without that weight: the square of `w + s b A` is that of `w`, plus `2 s b (A w)`, plus
 * `s^2 b (A A^T) b`, so that only products with the R rows of A are needed. Where the three cancel, digits are lost: the
 * rows where most is, one in 64, are computed directly.
 */
export function factoredNorms(args: AdapterArguments<LoraConfig>): Tensor {
  const { shape, frozen } = args;
  const { out } = shape;
  const base = args.base();
  const factors = factorsOf(args);
  const dtype = accurate(base, factors);
  const rows = cast(asRows(base, shape), dtype); // [out, in]
  const { A, B } = matricesOf(factors);
  const s = factors.scale;

  const own = frozen.squares ?? squaresOf(base, shape, factors); // [out]
  const cross = dot(rows, A, { contract: [[1], [1]] }); // [out, K]
  const gram = dot(A, A, { contract: [[1], [1]] }); // [K, K]
  const inner = dot(B, gram, { contract: [[1], [0]] }); // [out, K]
  const update = mul(sum(mul(inner, B), 1), s * s); // [out]
  const between = mul(sum(mul(cross, B), 1), 2 * s); // [out]
  const squares = add(add(own, between), update);

  const all = add(own, update);
  const kept = div(squares, where(equal(all, 0), 1, all)); // the share that does not cancel
  const count = Math.ceil(out / rowsForEachDirect);
  const { indices } = topk(stopGradient(kept), count, { largest: false });
  const change = dot(gather(B, indices), A, { contract: [[1], [0]] });
  const direct = sum(square(add(gather(rows, indices), mul(change, s))), 1);
  return sqrt(maximum(scatter(squares, indices, cast(direct, squares.dtype)), 0));
}

/** `scale`, [out], along the outputs of a weight of [out, in], [O, C, ...kernel] or [rows, width]. */
export function scaleOutputs(weight: Tensor, scale: Tensor, shape: SiteShape): Tensor {
  if (shape.kind === 'embedding') return mul(weight, scale);
  return mul(weight, reshape(scale, [shape.out, ...weight.shape.slice(1).map(() => 1)]));
}

/** The shape of the magnitude in PEFT's files. */
export function magnitudeShape({ kind, out, kernel }: SiteShape): readonly number[] {
  return kind === 'conv' ? [1, out, ...kernel.map(() => 1)] : [out];
}

/** A weight as [out, all else]. */
function asRows(weight: Tensor, { kind, out }: SiteShape): Tensor {
  return kind === 'embedding' ? permute(weight, [1, 0]) : reshape(weight, [out, weight.size / out]);
}

/** Squares of half floats overflow: norms are computed in the type of the adapter, unless the weight's is wider. */
function accurate(base: Tensor, { A }: LoraFactors): Tensor['dtype'] {
  return promote(base.dtype, A.dtype);
}
