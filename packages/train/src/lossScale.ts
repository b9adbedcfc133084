import {
  add,
  equal,
  full,
  maximum,
  minimum,
  mul,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';

/** By what the loss is multiplied, so that small gradients are not lost in f16, and for how many steps it has been good. */
export interface LossScale {
  /** f32 [] */
  readonly factor: Tensor;
  /** i32 [] */
  readonly since: Tensor;
}

/** Steps without an infinite gradient after which a higher scale is tried. */
const patience = 2000;
const largest = 2 ** 24;

/** As high as f16 may bear it. Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740 */
export function firstLossScale(): LossScale {
  return { factor: full([], 2 ** 15), since: tensor(0, [], 'i32') };
}

/** Half of it after an infinite gradient, and twice after long without one. */
export function nextLossScale({ factor, since }: LossScale, finite: Tensor): LossScale {
  const isLong = equal(add(since, 1), patience);
  const raised = where(isLong, minimum(mul(factor, 2), largest), factor);
  return {
    factor: where(finite, raised, maximum(mul(factor, 0.5), 1)),
    since: where(finite, where(isLong, 0, add(since, 1)), 0),
  };
}
