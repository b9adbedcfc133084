import { cast, sign } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { decaying, type Optimizer, zerosLike } from './optimizer.ts';

export interface LionMoments {
  /** How much the mean gradient of the past counts in a step. Defaults to 0.9. */
  readonly beta1?: number;
  /** Decay of the mean gradient. Defaults to 0.99. */
  readonly beta2?: number;
}

/** The direction of Lion: the sign of a mean of this gradient and those before. Chen et al. 2023. */
export function scaleByLion({ beta1 = 0.9, beta2 = 0.99 }: LionMoments = {}): Optimizer<unknown> {
  const look = decaying(beta1);
  return {
    init: zerosLike,
    update(gradients, state, _) {
      const updates = zipTrees(
        (gradient, mean) => cast(sign(look(mean, gradient)), gradient.dtype),
        gradients,
        state,
      );
      return { updates, state: zipTrees(decaying(beta2), state, gradients) };
    },
  };
}
