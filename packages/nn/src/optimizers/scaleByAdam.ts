import { add, cast, div, expm1, mul, neg, sqrt, type Tensor, tensor } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { type Optimizer, zerosLike } from './optimizer.ts';

export interface AdamMoments {
  /** Decay of the mean of gradients. Defaults to 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Defaults to 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean square. Defaults to 1e-8. */
  readonly epsilon?: number;
}

export interface AdamState {
  /** Steps taken; i32. */
  readonly step: Tensor;
  readonly first: unknown;
  readonly second: unknown;
}

/** The direction of Adam: the mean gradient over the root of the mean squared gradient. Kingma and Ba 2015. */
export function scaleByAdam({
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
}: AdamMoments = {}): Optimizer<AdamState> {
  return {
    init: (parameters) => ({
      step: tensor(0, [], 'i32'),
      first: zerosLike(parameters),
      second: zerosLike(parameters),
    }),
    update(gradients, state, _) {
      const step = add(state.step, 1);
      const decay = (beta: number) => (mean: Tensor, value: Tensor) =>
        add(mul(mean, beta), mul(value, 1 - beta));
      const squares = zipTrees((gradient) => mul(gradient, gradient), gradients);
      const first = zipTrees(decay(beta1), state.first, gradients);
      const second = zipTrees(decay(beta2), state.second, squares);
      const updates = zipTrees(
        (_gradient, mean, square) =>
          div(
            div(mean, weightOfSteps(beta1, step, mean)),
            add(sqrt(div(square, weightOfSteps(beta2, step, square))), epsilon),
          ),
        gradients,
        first,
        second,
      );
      return { updates, state: { step, first, second } };
    },
  };
}

/** `1 - beta^step`, by expm1, which keeps the digits that the difference would lose in f32. */
function weightOfSteps(beta: number, step: Tensor, like: Tensor): Tensor {
  return neg(expm1(mul(cast(step, like.dtype), Math.log(beta))));
}
