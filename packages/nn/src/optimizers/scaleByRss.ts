import { add, cast, div, full, mapTensors, mul, sqrt } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { type Optimizer, wide } from './optimizer.ts';

export interface RssOptions {
  /** What the sums start from. Defaults to 0. */
  readonly initialSum?: number;
  /** Added to the root. Defaults to 1e-10. */
  readonly epsilon?: number;
}

/** Divides by the root of the sum of all squared gradients so far. Duchi, Hazan and Singer 2011. */
export function scaleByRss({
  initialSum = 0,
  epsilon = 1e-10,
}: RssOptions = {}): Optimizer<unknown> {
  return {
    init: (parameters) =>
      mapTensors(parameters, (leaf) => full(leaf.shape, initialSum, wide(leaf).dtype)),
    update(gradients, state, _) {
      const sums = zipTrees(
        (sum, gradient) => add(sum, mul(wide(gradient), wide(gradient))),
        state,
        gradients,
      );
      const updates = zipTrees(
        (gradient, sum) => cast(div(wide(gradient), add(sqrt(sum), epsilon)), gradient.dtype),
        gradients,
        sums,
      );
      return { updates, state: sums };
    },
  };
}
