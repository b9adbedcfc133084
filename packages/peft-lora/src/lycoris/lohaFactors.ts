import { dot, mul, reshape, type Shape, swapAxes, type Tensor } from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { Tensors } from '../variant.ts';
import { coreKernel, coreSides, hasCore } from './coreKernel.ts';

/** A matrix or kernel of low rank: [out, R] and [R, in, ...kernel]. */
export type LowRank = readonly [tall: Tensor, wide: Tensor];

/** What of a config decides the shapes of the factors. */
export interface LohaLayout {
  /** Rank R of each of the two products. */
  readonly rank: number;
  /** Whether each product of a kernel has a core of its own for the spatial sides. */
  readonly useEffectiveConv2d: boolean;
}

/** The shapes of an adapter's parameters, by PEFT's rules, so that its files fit. */
export function lohaShapes(
  { rank: R, useEffectiveConv2d }: LohaLayout,
  { out, in: inputs, kernel }: SiteShape,
): Readonly<Record<string, Shape>> {
  if (hasCore(useEffectiveConv2d, kernel)) {
    const core = [R, R, ...coreSides(kernel)];
    const [a, b] = [
      [R, out],
      [R, inputs],
    ];
    return { t1: core, t2: core, w1A: a, w1B: b, w2A: a, w2B: b };
  }
  const [a, b] = [
    [out, R],
    [R, kernel.reduce((product, side) => product * side, inputs)],
  ];
  return { w1A: a, w1B: b, w2A: a, w2B: b };
}

/** The two products whose elementwise product is the update. */
export function lohaFactors(
  { kernel }: SiteShape,
  parameters: Tensors,
): readonly [first: LowRank, second: LowRank] {
  const factor = (name: 'w1' | 'w2', core: Tensor | undefined): LowRank => {
    const [a, b] = [parameterOf(parameters, `${name}A`), parameterOf(parameters, `${name}B`)];
    return core === undefined
      ? [a, reshape(b, [b.shape[0] ?? 1, -1, ...kernel])]
      : [swapAxes(a), coreKernel(core, b, kernel)];
  };
  return [factor('w1', parameters.t1), factor('w2', parameters.t2)];
}

/** [out, in, ...kernel] */
export function hadamardProduct([first, second]: readonly [LowRank, LowRank]): Tensor {
  const [one, other] = [first, second].map(([tall, wide]) =>
    dot(tall, wide, { contract: [[1], [0]] }),
  ) as [Tensor, Tensor];
  return mul(one, other);
}

/**
 * The elementwise product of two products of rank R as one of rank R²: the Khatri-Rao products of their factors.
 *
 * @returns `undefined` where it is no smaller than the whole.
 */
export function asLowRank([first, second]: readonly [LowRank, LowRank]): LowRank | undefined {
  const [tall, wide] = [pairs(first[0], second[0], 1), pairs(first[1], second[1], 0)];
  const [R = 1] = wide.shape;
  return tall.size + wide.size < (tall.size / R) * (wide.size / R) ? [tall, wide] : undefined;
}

/** All products of a slice of `a` with one of `b` along an axis, of R of each. */
function pairs(a: Tensor, b: Tensor, axis: 0 | 1): Tensor {
  const [before, R, after] = [a.shape.slice(0, axis), a.shape[axis] ?? 1, a.shape.slice(axis + 1)];
  const product = mul(
    reshape(a, [...before, R, 1, ...after]),
    reshape(b, [...before, 1, R, ...after]),
  );
  return reshape(product, [...before, R * R, ...after]);
}
