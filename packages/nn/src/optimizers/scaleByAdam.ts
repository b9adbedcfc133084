import { add, cast, div, maximum, sqrt, type Tensor, tensor } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { decaying, decayingSquare, type Optimizer, zerosLike } from './optimizer.ts';
import { weightOfSteps } from './weightOfSteps.ts';

export interface AdamMoments {
  /** Decay of the mean of gradients. Defaults to 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Defaults to 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean square. Defaults to 1e-8. */
  readonly epsilon?: number;
  /** Whether to divide by the largest mean square so far. Reddi, Kale and Kumar 2018. Defaults to false. */
  readonly amsgrad?: boolean;
  /**
   * Whether `epsilon` is added before the mean square is corrected for its start, so that it weighs more in the first
   * steps: the shorter form at the end of section 2 of the paper. Defaults to false.
   */
  readonly uncorrectedEpsilon?: boolean;
}

export interface AdamState {
  /** Steps taken; i32. */
  readonly step: Tensor;
  readonly first: unknown;
  readonly second: unknown;
  /** With `amsgrad` only: the largest of `second` so far. */
  readonly largest?: unknown;
}

/** The direction of Adam: the mean gradient over the root of the mean squared gradient. Kingma and Ba 2015. */
export function scaleByAdam({
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  amsgrad = false,
  uncorrectedEpsilon = false,
}: AdamMoments = {}): Optimizer<AdamState> {
  return {
    init: (parameters) => ({
      step: tensor(0, [], 'i32'),
      first: zerosLike(parameters),
      second: zerosLike(parameters),
      ...(amsgrad ? { largest: zerosLike(parameters) } : {}),
    }),
    update(gradients, state, _) {
      const step = add(state.step, 1);
      const first = zipTrees(decaying(beta1), state.first, gradients);
      const second = zipTrees(decayingSquare(beta2), state.second, gradients);
      const largest = amsgrad ? zipTrees(maximum, second, state.largest) : second;
      const updates = zipTrees(
        (gradient, mean, square) => {
          const unbiased = div(mean, weightOfSteps(beta1, step, mean));
          const weight = weightOfSteps(beta2, step, square);
          const root = uncorrectedEpsilon
            ? div(add(sqrt(square), epsilon), sqrt(weight))
            : add(sqrt(div(square, weight)), epsilon);
          return cast(div(unbiased, root), gradient.dtype);
        },
        gradients,
        first,
        largest,
      );
      return { updates, state: { step, first, second, ...(amsgrad ? { largest } : {}) } };
    },
  };
}
