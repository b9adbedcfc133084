import { cast, expm1, mul, neg, type Tensor } from '@lorikeet/tensor-core';

/** `1 - beta^step`, by expm1, which keeps the digits that the difference would lose in f32. */
export function weightOfSteps(beta: number, step: Tensor, like: Tensor): Tensor {
  return neg(expm1(mul(cast(step, like.dtype), Math.log(beta))));
}
