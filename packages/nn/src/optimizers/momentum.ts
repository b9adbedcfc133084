import { add, mul } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { type Optimizer, zerosLike } from './optimizer.ts';

/** Adds up gradients with a decay: `v = decay * v + g`; with `nesterov`, looks one step ahead. */
export function momentum(
  decay: number,
  options: { readonly nesterov?: boolean } = {},
): Optimizer<unknown> {
  return {
    init: zerosLike,
    update(gradients, state, _) {
      const velocity = zipTrees(
        (gradient, before) => add(mul(before, decay), gradient),
        gradients,
        state,
      );
      const updates =
        options.nesterov === true
          ? zipTrees((gradient, v) => add(gradient, mul(v, decay)), gradients, velocity)
          : velocity;
      return { updates, state: velocity };
    },
  };
}
