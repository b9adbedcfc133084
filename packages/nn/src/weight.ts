import { type ConvOptions, conv, dot, gather as gatherRows, Tensor } from '@lorikeet/tensor-core';
import { Context } from './context.ts';

/** What a layer multiplies with: a plain tensor, or one that is made of others. */
export type Weight = Tensor | Reparam;

/** How a layer uses a weight. */
export interface WeightUse {
  /** The axis of the weight that meets the last axis of the input. */
  readonly inputAxis: 0 | 1;
}

/**
 * A weight given by a formula. `materialize` is its meaning; the other methods are faster ways to the same
 * result, and the laws hold them to it.
 */
export interface Reparam {
  /** What the formula starts from: what remains if the reparametrisation is taken away. */
  readonly base: Weight;
  /** The weight itself, of the shape of `base`. */
  materialize(): Tensor;
  /** Another weight stored as this one is, for one that is stored with a loss. */
  requantize?(weight: Tensor): Reparam;
  /** Of a weight that is stored with a loss: how far each element of it may be off what it was made of, but for rounding. */
  errorBound?(): Tensor;
  contract?(x: Tensor, use: WeightUse, context: Context): Tensor;
  gather?(ids: Tensor, context: Context): Tensor;
  convolve?(x: Tensor, options: ConvOptions, context: Context): Tensor;
  contractExperts?(x: Tensor, use: WeightUse, context: Context): Tensor;
  /** What becomes of the bias beside the weight, for a formula that changes both; `null` is no bias. */
  adaptBias?(bias: Tensor | null): Tensor | null;
  /** What holds for a second use of the weight, as in a tied head; without it the base of the base. */
  tiedPart?(): Weight;
}

export function isReparam(value: unknown): value is Reparam {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Tensor) &&
    'materialize' in value &&
    'base' in value
  );
}

/** The weight as one tensor. */
export function materialize(weight: Weight): Tensor {
  return weight instanceof Tensor ? weight : weight.materialize();
}

/** The plain tensor under all reparametrisations. */
export function baseOf(weight: Weight): Tensor {
  return weight instanceof Tensor ? weight : baseOf(weight.base);
}

/** The bias that a module adds, which its weight may change: `null` if there is none. */
export function biasOf(weight: Weight, bias: Weight | null): Tensor | null {
  const own = bias === null ? null : materialize(bias);
  if (weight instanceof Tensor) return own;
  return weight.adaptBias === undefined ? biasOf(weight.base, own) : weight.adaptBias(own);
}

/**
 * The product of a linear layer.
 *
 * @param x [..., in]
 * @param weight [out, in], or [in, out] with `inputAxis` 0 (as GPT-2 stores it).
 * @returns [..., out]
 */
export function contract(
  x: Tensor,
  weight: Weight,
  use: WeightUse,
  context: Context = Context.evaluation,
): Tensor {
  if (!(weight instanceof Tensor) && weight.contract !== undefined)
    return weight.contract(x, use, context);
  return dot(x, materialize(weight), { contract: [[-1], [use.inputAxis]] });
}

/**
 * Rows of an embedding table.
 *
 * @param ids integers of any shape
 * @param weight [rows, width]
 * @returns [...ids, width]
 */
export function gather(ids: Tensor, weight: Weight, context: Context = Context.evaluation): Tensor {
  if (!(weight instanceof Tensor) && weight.gather !== undefined)
    return weight.gather(ids, context);
  return gatherRows(materialize(weight), ids);
}

/**
 * A convolution.
 *
 * @param x [B, C, ...spatial]
 * @param weight [O, C / groups, ...kernel]
 * @returns [B, O, ...spatial]
 */
export function convolve(
  x: Tensor,
  weight: Weight,
  options: ConvOptions,
  context: Context = Context.evaluation,
): Tensor {
  if (!(weight instanceof Tensor) && weight.convolve !== undefined)
    return weight.convolve(x, options, context);
  return conv(x, materialize(weight), options);
}

/**
 * The product of each of E experts with its own matrix.
 *
 * @param x [E, N, in]
 * @param weight [E, out, in], or [E, in, out] with `inputAxis` 0.
 * @returns [E, N, out]
 */
export function contractExperts(
  x: Tensor,
  weight: Weight,
  use: WeightUse,
  context: Context = Context.evaluation,
): Tensor {
  if (!(weight instanceof Tensor) && weight.contractExperts !== undefined)
    return weight.contractExperts(x, use, context);
  return dot(x, materialize(weight), { batch: [[0], [0]], contract: [[2], [use.inputAxis + 1]] });
}
