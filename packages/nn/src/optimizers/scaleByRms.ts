import { add, cast, div, maximum, mul, sqrt, sub, type Tensor } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { decaying, decayingSquare, type Optimizer, wide, zerosLike } from './optimizer.ts';

export interface RmsOptions {
  /** Decay of the mean of squared gradients. Defaults to 0.99. */
  readonly decay?: number;
  /** Added to the root. Defaults to 1e-8. */
  readonly epsilon?: number;
  /** Whether the square of the mean gradient is taken away from the mean square. Defaults to false. */
  readonly centered?: boolean;
}

export interface RmsState {
  readonly square: unknown;
  /** With `centered` only: the mean gradient. */
  readonly mean?: unknown;
}

/** Divides by the root of a decaying mean of squared gradients. Hinton 2012; `centered` is of Graves 2013. */
export function scaleByRms({
  decay = 0.99,
  epsilon = 1e-8,
  centered = false,
}: RmsOptions = {}): Optimizer<RmsState> {
  return {
    init: (parameters) => ({
      square: zerosLike(parameters),
      ...(centered ? { mean: zerosLike(parameters) } : {}),
    }),
    update(gradients, state, _) {
      const square = zipTrees(decayingSquare(decay), state.square, gradients);
      const mean = centered ? zipTrees(decaying(decay), state.mean, gradients) : undefined;
      const spread = centered ? zipTrees(varianceOf, square, mean) : square;
      const updates = zipTrees(
        (gradient, s) => cast(div(wide(gradient), add(sqrt(s), epsilon)), gradient.dtype),
        gradients,
        spread,
      );
      return { updates, state: { square, ...(centered ? { mean } : {}) } };
    },
  };
}

function varianceOf(square: Tensor, mean: Tensor): Tensor {
  return maximum(sub(square, mul(mean, mean)), 0); // rounding can make it negative
}
