import {
  crossEntropy,
  maximum,
  minimum,
  reshape,
  sliceAxis,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { ModelInputs, ModelOutputs } from '../model.ts';

/**
 * The first and the last token of an answer in the text.
 *
 * @param logits [B, T, 2]
 */
export function spans(
  logits: Tensor,
  { start_positions, end_positions }: ModelInputs,
): Pick<ModelOutputs, 'loss' | 'start_logits' | 'end_logits'> {
  const [batch = 0, time = 0] = logits.shape;
  const [start_logits, end_logits] = [0, 1].map((i) =>
    reshape(sliceAxis(logits, 2, i, 1), [batch, time]),
  ) as [Tensor, Tensor]; // [B, T]
  if (start_positions === undefined || end_positions === undefined)
    return { start_logits, end_logits };
  // A position behind the text counts as none.
  const lossAt = (scores: Tensor, positions: Tensor): Tensor =>
    crossEntropy(scores, minimum(maximum(positions, 0), time), { ignoreIndex: time });
  const loss = lossAt(start_logits, start_positions).add(lossAt(end_logits, end_positions)).div(2);
  return { loss, start_logits, end_logits };
}
