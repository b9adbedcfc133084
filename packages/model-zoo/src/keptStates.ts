import { add, gather, less, reshape, type Tensor, tensor, where } from '@lorikeet/tensor-core';
import type { ModelInputs } from './model.ts';

/** The states that logits are wanted of: [B, T, D] to [B, N, D]. */
export function keptStates(x: Tensor, { logits_to_keep: places }: ModelInputs): Tensor {
  if (places === undefined) return x;
  const [batch = 0, time = 0, width = 0] = x.shape;
  const found = where(less(places, 0), add(places, time), places);
  if (places.rank === 1) return gather(x, found, 1);
  // Each row has its own: they are found among the tokens of all rows.
  const starts = tensor(
    Int32Array.from({ length: batch }, (_, row) => row * time),
    [batch, 1],
    'i32',
  );
  return gather(reshape(x, [batch * time, width]), add(found, starts.cast(places.dtype)), 0);
}
