import { add, gather, less, type Tensor, where } from '@lorikeet/tensor-core';
import type { ModelInputs } from './model.ts';

/** The states that logits are wanted of: [B, T, D] to [B, N, D]. */
export function keptStates(x: Tensor, { logits_to_keep: places }: ModelInputs): Tensor {
  if (places === undefined) return x;
  const time = x.shape[1] ?? 0;
  return gather(x, where(less(places, 0), add(places, time), places), 1);
}
