import { zipTrees } from '@lorikeet/nn';
import {
  abs,
  add,
  cast,
  div,
  greater,
  mapTensors,
  maximum,
  mul,
  promote,
  reshape,
  sub,
  sum,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

/** Of each element of A and B; at least f32. */
export interface Importance {
  readonly sensitivity: Tensors;
  readonly uncertainty: Tensors;
}

export interface SubspaceDecay {
  /** Of the mean of sensitivities. */
  readonly asaImportanceBeta: number;
  /** Of the mean of their deviations from it. */
  readonly asaUncertaintyBeta: number;
}

export function noImportance(parameters: Tensors): Importance {
  // Each is a tensor of its own, so that a step can take over its memory.
  const none = (): Tensors =>
    mapTensors(parameters, ({ shape, dtype }) => zeros(shape, promote(dtype, 'f32')));
  return { sensitivity: none(), uncertainty: none() };
}

/** Unlike AdaLoRA's, how far a step is off is told by the mean before it. */
export function measured(
  { sensitivity, uncertainty }: Importance,
  parameters: Tensors,
  gradients: Tensors,
  { asaImportanceBeta, asaUncertaintyBeta }: SubspaceDecay,
): Importance {
  const now = zipTrees(
    (leaf, slope) => {
      const wide = promote(leaf.dtype, 'f32');
      return abs(mul(cast(leaf, wide), cast(slope, wide)));
    },
    parameters,
    gradients,
  );
  const mixed = (decay: number) => (mean: Tensor, value: Tensor) =>
    add(mul(mean, decay), mul(value, 1 - decay));
  const off = zipTrees((value, mean) => abs(sub(value, mean)), now, sensitivity);
  return {
    sensitivity: zipTrees(mixed(asaImportanceBeta), sensitivity, now),
    uncertainty: zipTrees(mixed(asaUncertaintyBeta), uncertainty, off),
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
