import { materialize } from '@lorikeet/nn';
import {
  abs,
  add,
  cast,
  dot,
  full,
  mul,
  sqrt,
  square,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { inWeightOrder, type LowRank, rankOf } from '../algebra/lowRank.ts';
import { lowRankOf } from '../algebra/updateOf.ts';
import { type AdapterLayer, isAdapterLayer } from '../layers.ts';
import { unitRoundoff } from './floats.ts';
import { type MergedWeight, rootOf } from './mergedWeight.ts';

/**
 * How far each element of a merged weight may be from what its layers mean, in f64: with u the unit roundoff of f32 and v
 * that of the dtype that is stored, `v |W'| + (1 + v) c`, and half a step of a quantised one. For low-rank adapters
 * `c = g (|W| + sum of |s| |B| |A|)` with `g = k u / (1 - k u)` and k = R + 8 for each of them, by the error of inner
 * products (Higham 2002, section 3.1). Where the factors are computed from other parameters, k has in + out + 32 more, and
 * for other methods `c = (in + out + 32) u (|W| + |W'|)` with the norms of Frobenius:
 * models of their products that are tested and not proved.
 */
export function errorBound(
  layer: AdapterLayer,
  exact: Tensor,
  { value, stored }: MergedWeight,
): Tensor {
  const v = unitRoundoff(value.dtype);
  const u = unitRoundoff(materialize(rootOf(layer)).dtype === 'f64' ? 'f64' : 'f32');
  const computed = mul(lowRankError(layer, exact, u) ?? productError(layer, exact, u), 1 + v);
  const rounded = add(computed, mul(abs(exact), v));
  if (stored === undefined) return rounded;
  const step = cast(stored.errorBound?.() ?? full(exact.shape, 0), 'f64');
  // The scales are rounded too, and with them the ends of each block.
  return add(add(rounded, step), mul(abs(exact), 2 * v + 4 * u));
}

function lowRankError(layer: AdapterLayer, exact: Tensor, u: number): Tensor | undefined {
  const parts = partsOf(layer);
  if (parts === undefined) return undefined;
  let size = abs(cast(materialize(rootOf(layer)), 'f64'));
  let steps = 0;
  for (const { layer: own, pair } of parts) {
    const product = inWeightOrder(sizesOf(pair), own.settings);
    const { mix } = own;
    size =
      mix === 1
        ? add(size, product)
        : add(mul(size, 1 + 2 * Math.abs(mix)), mul(product, Math.abs(mix)));
    steps += rankOf(pair) + 8 + (hasOwnFactors(own) ? 0 : sidesOf(exact));
  }
  return mul(size, (steps * u) / (1 - steps * u));
}

/** Whether the factors are the parameters themselves, which are exact. */
function hasOwnFactors({ settings: { variant, config } }: AdaptedWeight): boolean {
  return variant.factors?.(config) !== undefined;
}

/** `|s| |B| |A|` */
function sizesOf({ left, right, scale }: LowRank): Tensor {
  const [outer, inner] = [abs(cast(left, 'f64')), abs(cast(right, 'f64'))];
  return mul(dot(outer, inner, { contract: [[1], [0]] }), Math.abs(scale));
}

interface LowRankPart {
  readonly layer: AdaptedWeight;
  readonly pair: LowRank;
}

/** The layers of a weight from the inside out, if all of them are low-rank. */
function partsOf(layer: AdapterLayer): readonly LowRankPart[] | undefined {
  if (!(layer instanceof AdaptedWeight)) return undefined;
  const pair = lowRankOf(layer.with({ mix: 1 }));
  const below = isAdapterLayer(layer.base) ? partsOf(layer.base) : [];
  return pair === undefined || below === undefined ? undefined : [...below, { layer, pair }];
}

function productError(layer: AdapterLayer, exact: Tensor, u: number): Tensor {
  const base = cast(materialize(rootOf(layer)), 'f64');
  const size = add(sqrt(sum(square(base))), sqrt(sum(square(exact))));
  return mul(full(exact.shape, 1, 'f64'), mul(size, sidesOf(exact) * u));
}

function sidesOf({ shape }: Tensor): number {
  return shape.reduce((total, side) => total + side, 32);
}
