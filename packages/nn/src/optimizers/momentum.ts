import { add, cast, mul, type Tensor } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { type Optimizer, wide, zerosLike } from './optimizer.ts';

/** Adds up gradients with a decay: `v = decay * v + g`; with `nesterov`, looks one step ahead. */
export function momentum(
  decay: number,
  options: { readonly nesterov?: boolean } = {},
): Optimizer<unknown> {
  return {
    init: zerosLike,
    update(gradients, state, _) {
      const velocity = zipTrees(
        (before, gradient) => add(mul(before, decay), wide(gradient)),
        state,
        gradients,
      );
      const direction = (gradient: Tensor, v: Tensor): Tensor =>
        options.nesterov === true ? add(wide(gradient), mul(v, decay)) : v;
      const updates = zipTrees(
        (gradient, v) => cast(direction(gradient, v), gradient.dtype),
        gradients,
        velocity,
      );
      return { updates, state: velocity };
    },
  };
}
