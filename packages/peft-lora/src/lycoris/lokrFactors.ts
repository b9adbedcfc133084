import {
  dot,
  eye,
  kron,
  permute,
  reshape,
  type Shape,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { Tensors } from '../variant.ts';
import { coreKernel, coreSides, hasCore } from './coreKernel.ts';
import { factorize } from './factorize.ts';
import { pointwise } from './pointwise.ts';

/** What of a config decides the shapes of the factors. */
export interface LokrLayout {
  /** Rank R of the factors that are products themselves. */
  readonly rank: number;
  /** Whether the first factor may be a product, too, where it is large enough. */
  readonly decomposeBoth: boolean;
  /** Rows and columns of the first factor where it divides the sides; -1 chooses those nearest to the square root. */
  readonly decomposeFactor: number;
  /** Whether the second factor of a kernel, if it is a product, has a core of its own for the spatial sides. */
  readonly useEffectiveConv2d: boolean;
}

/** The factors of a Kronecker product; the second of low rank is kept as it is. */
export interface LokrFactors {
  /** [l, m] */
  readonly first: Tensor;
  /** [k, n, ...kernel], or [k, R] and [R, n, ...kernel]. */
  readonly second: Tensor | readonly [tall: Tensor, wide: Tensor];
  /** Whether the second factor's sides come before those of the first in the sides of the weight. */
  readonly isReversed: boolean;
}

/** The shapes of an adapter's parameters, by PEFT's rules, so that its files fit. */
export function lokrShapes(layout: LokrLayout, shape: SiteShape): Readonly<Record<string, Shape>> {
  const { rank: R, decomposeBoth, decomposeFactor, useEffectiveConv2d } = layout;
  const [l, k] = factorize(shape.out, decomposeFactor);
  const [m, n] = factorize(shape.in, decomposeFactor);
  const { kernel } = shape;
  const isFirstProduct = decomposeBoth && R < Math.max(l, m) / 2;
  const first = isFirstProduct ? { w1A: [l, R], w1B: [R, m] } : { w1: [l, m] };
  if (R >= Math.max(k, n) / 2) return { ...first, w2: [k, n, ...kernel] };
  if (hasCore(useEffectiveConv2d, kernel))
    return { ...first, t2: [R, R, ...coreSides(kernel)], w2A: [R, k], w2B: [R, n] };
  const area = kernel.reduce((product, side) => product * side, 1);
  return { ...first, w2A: [k, R], w2B: [R, n * area] };
}

export function lokrFactors({ kernel }: SiteShape, parameters: Tensors): LokrFactors {
  const first =
    parameters.w1 ??
    dot(parameterOf(parameters, 'w1A'), parameterOf(parameters, 'w1B'), { contract: [[1], [0]] });
  const { w2, t2 } = parameters;
  // PEFT makes the whole kernel of a line in the other order, which is a product of the same kind.
  if (w2 !== undefined) return { first, second: w2, isReversed: kernel.length === 1 };
  const [a, b] = [parameterOf(parameters, 'w2A'), parameterOf(parameters, 'w2B')];
  const second =
    t2 === undefined
      ? ([a, reshape(b, [b.shape[0] ?? 1, -1, ...kernel])] as const)
      : ([swapAxes(a), coreKernel(t2, b, kernel)] as const);
  return { first, second, isReversed: false };
}

/** [out, in, ...kernel] */
export function kroneckerProduct({ first, second, isReversed }: LokrFactors): Tensor {
  const whole = 'shape' in second ? second : dot(second[0], second[1], { contract: [[1], [0]] });
  const [[l = 1, m = 1], [k = 1, n = 1, ...kernel]] = [first.shape, whole.shape];
  const spatial = kernel.map(() => 1);
  const product = isReversed
    ? reshape(first, [1, l, 1, m, ...spatial]).mul(reshape(whole, [k, 1, n, 1, ...kernel]))
    : reshape(first, [l, 1, m, 1, ...spatial]).mul(reshape(whole, [1, k, 1, n, ...kernel]));
  return reshape(product, [l * k, m * n, ...kernel]);
}

/**
 * A Kronecker product whose second factor is of rank R as a product of rank m R, where the first factor is [l, m]:
 * `w1 ⊗ (a b) = (w1 ⊗ a) (1 ⊗ b)`.
 *
 * @returns left [l k, m R] and right [m R, m n ...kernel]; `undefined` where they are no smaller than the whole.
 */
export function kroneckerPair({
  first,
  second,
}: LokrFactors): { readonly left: Tensor; readonly right: Tensor } | undefined {
  if ('shape' in second) return undefined;
  const [tall, wide] = second;
  const [l = 1, m = 1] = first.shape;
  const [k = 1, R = 1] = tall.shape;
  const width = m * (wide.size / R);
  if (m * R * (l * k + width) >= l * k * width) return undefined;
  const unit = eye(m, m, { dtype: wide.dtype });
  return {
    left: kron(first, tall),
    right: kron(unit, reshape(wide, [R, -1])),
  };
}

/**
 * The product of a Kronecker product with rows, by its factors.
 *
 * @param x [..., m n]
 * @returns [..., l k]
 */
export function contractFactors(x: Tensor, { first, second }: LokrFactors): Tensor {
  const rows = x.shape.slice(0, -1);
  const [l = 1, m = 1] = first.shape;
  const split = reshape(x, [...rows, m, (x.shape.at(-1) ?? 1) / m]); // [..., m, n]
  const inner = dot(split, first, { contract: [[-2], [1]] }); // [..., n, l]
  const outer =
    'shape' in second
      ? dot(inner, second, { contract: [[-2], [1]] }) // [..., l, k]
      : dot(dot(inner, second[1], { contract: [[-2], [1]] }), second[0], {
          contract: [[-1], [1]],
        });
  return reshape(outer, [...rows, l * (outer.shape.at(-1) ?? 1)]);
}

/**
 * The same for a convolution without groups.
 *
 * @param x [B, m n, ...spatial]
 * @param convolveWith the convolution of the module with a kernel of n channels in.
 * @returns [B, l k, ...spatial]
 */
export function convolveFactors(
  x: Tensor,
  { first, second, isReversed }: LokrFactors,
  convolveWith: (x: Tensor, kernel: Tensor) => Tensor,
): Tensor {
  const [batch = 1, channels = 1, ...sides] = x.shape;
  const [l = 1, m = 1] = first.shape;
  const n = channels / m;
  const split = reshape(x, isReversed ? [batch, n, m, ...sides] : [batch, m, n, ...sides]);
  const inner = dot(first, split, { contract: [[1], [isReversed ? 2 : 1]] }); // [l, B, n, ...spatial]
  const stacked = reshape(inner, [l * batch, n, ...sides]);
  const high =
    'shape' in second
      ? convolveWith(stacked, second)
      : pointwise(convolveWith(stacked, second[1]), second[0]);
  const [, k = 1, ...spatial] = high.shape;
  const apart = reshape(high, [l, batch, k, ...spatial]);
  const axes = spatial.map((_, i) => i + 3);
  const joined = permute(apart, isReversed ? [1, 2, 0, ...axes] : [1, 0, 2, ...axes]);
  return reshape(joined, [batch, l * k, ...spatial]);
}
