import {
  add,
  cast,
  div,
  greater,
  maximum,
  mul,
  reshape,
  sum,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { deviationFrom, type Importance, sensitivityOf, smoothed } from '../adalora/importance.ts';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

export interface SubspaceDecay {
  /** Of the mean of sensitivities. */
  readonly asaImportanceBeta: number;
  /** Of the mean of their deviations from it. */
  readonly asaUncertaintyBeta: number;
}

/** Unlike AdaLoRA's, how far a step is off is told by the mean before it. */
export function measured(
  { sensitivity, uncertainty }: Importance,
  parameters: Tensors,
  gradients: Tensors,
  { asaImportanceBeta, asaUncertaintyBeta }: SubspaceDecay,
): Importance {
  const now = sensitivityOf(parameters, gradients);
  const off = deviationFrom(sensitivity, now);
  return {
    sensitivity: smoothed(sensitivity, now, asaImportanceBeta),
    uncertainty: smoothed(uncertainty, off, asaUncertaintyBeta),
  };
}

/** The mean for A and that for B of each subspace, over the elements that a gradient has reached: [count]. */
export function scoresOf({ sensitivity, uncertainty }: Importance, count: number): Tensor {
  const [A, B] = ['A', 'B'].map((name) => {
    const own = parameterOf(sensitivity, name);
    const score = mul(own, parameterOf(uncertainty, name));
    const isThere = cast(greater(own, 0), score.dtype);
    const [out = 0, width = 0] = own.shape;
    const total = (each: Tensor): Tensor =>
      name === 'A' ? sum(each, [1, 2]) : sum(reshape(each, [out, count, width / count]), [0, 2]);
    return div(total(score), maximum(total(isThere), 1));
  });
  return A === undefined || B === undefined ? zeros([count]) : add(A, B);
}
