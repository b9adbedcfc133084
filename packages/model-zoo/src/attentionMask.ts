import { greater, reshape, type Tensor } from '@lorikeet/tensor-core';

/** [B, T] of 0 and 1 to bool [B, 1, 1, T]: which keys every query of every head may look at. */
export function keyMask(attentionMask: Tensor | undefined): Tensor | undefined {
  if (attentionMask === undefined) return undefined;
  const [batch = 0, time = 0] = attentionMask.shape;
  return reshape(greater(attentionMask, 0), [batch, 1, 1, time]);
}
