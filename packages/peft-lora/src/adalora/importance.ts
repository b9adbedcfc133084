import { zipTrees } from '@lorikeet/nn';
import {
  abs,
  add,
  cast,
  mapTensors,
  mean,
  mul,
  promote,
  sub,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

/** The smoothed sensitivity of each element of some parameters, and how much it varies; at least f32. */
export interface Importance {
  readonly sensitivity: Tensors;
  readonly uncertainty: Tensors;
}

export interface ImportanceDecay {
  /** Of the mean of sensitivities. */
  readonly beta1: number;
  /** Of the mean of their deviations from it. */
  readonly beta2: number;
}

export function noImportance(parameters: Tensors): Importance {
  // Each is a tensor of its own, so that a step can take over its memory.
  const none = (): Tensors =>
    mapTensors(parameters, ({ shape, dtype }) => zeros(shape, promote(dtype, 'f32')));
  return { sensitivity: none(), uncertainty: none() };
}

/** Takes the sensitivity of one step into the means. */
export function measured(
  { sensitivity, uncertainty }: Importance,
  { parameters, gradients }: { readonly parameters: Tensors; readonly gradients: Tensors },
  { beta1, beta2 }: ImportanceDecay,
): Importance {
  const now = sensitivityOf(parameters, gradients);
  const smooth = smoothed(sensitivity, now, beta1);
  const deviation = deviationFrom(smooth, now);
  return { sensitivity: smooth, uncertainty: smoothed(uncertainty, deviation, beta2) };
}

/** Of one step: `|parameter * gradient|`, elementwise. */
export function sensitivityOf(parameters: Tensors, gradients: Tensors): Tensors {
  return zipTrees(
    (leaf, gradient) => {
      const wide = promote(leaf.dtype, 'f32');
      return abs(mul(cast(leaf, wide), cast(gradient, wide)));
    },
    parameters,
    gradients,
  );
}

/** Takes values into their means. */
export function smoothed(means: Tensors, values: Tensors, decay: number): Tensors {
  return zipTrees((mean, value) => add(mul(mean, decay), mul(value, 1 - decay)), means, values);
}

export function deviationFrom(means: Tensors, values: Tensors): Tensors {
  return zipTrees((value, mean) => abs(sub(value, mean)), values, means);
}

/**
 * The score of each singular value with its two vectors: its own, plus the means over the elements of the vectors.
 *
 * @param importance of E [R, 1], A [R, in] and B [out, R].
 * @returns [R]
 */
export function tripletScores({ sensitivity, uncertainty }: Importance): Tensor {
  const score = (name: string): Tensor =>
    mul(parameterOf(sensitivity, name), parameterOf(uncertainty, name));
  return add(add(mean(score('E'), 1), mean(score('A'), 1)), mean(score('B'), 0));
}
