import { concat, neg, reshape, type Tensor } from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { AdapterArguments } from '../variant.ts';
import { type LoraConfig, scalingOf } from './loraConfig.ts';

/** An update of low rank: `scale` times the product of B and A. */
export interface LoraFactors {
  /** [K, in], [K, C, ...kernel] or [E, K, in], where K is the rank of the whole update */
  readonly A: Tensor;
  /** [out, K], [O, K, 1, ...] or [E, out, K] */
  readonly B: Tensor;
  readonly scale: number;
}

/**
 * The update that parameters stand for. Where a first product was taken out of the weight, it is its difference from that
 * one: twice the rank, and no second weight.
 */
export function factorsOf({
  config,
  parameters,
  frozen,
}: Pick<AdapterArguments<LoraConfig>, 'config' | 'parameters' | 'frozen'>): LoraFactors {
  const [A, B] = [parameterOf(parameters, 'A'), parameters.B ?? parameterOf(frozen, 'B')];
  const scale = scalingOf(config);
  const { firstA, firstB } = frozen;
  if (firstA === undefined || firstB === undefined) return { A, B, scale };
  return { A: concat([A, firstA], 0), B: concat([B, neg(firstB)], 1), scale };
}

/** The factors as matrices, [out, K] and [K, in * kernel]. */
export function matricesOf({ A, B }: LoraFactors): { readonly A: Tensor; readonly B: Tensor } {
  const [out = 0, K = 0] = B.shape;
  return { A: reshape(A, [K, A.size / K]), B: reshape(B, [out, K]) };
}

/** The shapes of the parameters. */
export function shapesOf(
  { kind, in: inputs, out, kernel, groups, experts }: SiteShape,
  R: number,
): { readonly a: readonly number[]; readonly b: readonly number[] } {
  if (kind === 'experts') return { a: [experts, R, inputs], b: [experts, out, R] };
  return kind === 'conv'
    ? { a: [R, inputs, ...kernel], b: [out, R / groups, ...kernel.map(() => 1)] }
    : { a: [R, inputs], b: [out, R] };
}
