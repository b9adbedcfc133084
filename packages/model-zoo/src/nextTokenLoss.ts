import { crossEntropy, sliceAxis, type Tensor } from '@lorikeet/tensor-core';

/**
 * The mean loss of telling each token from those before it.
 *
 * @param logits [B, T, V]
 * @param labels [B, T] the tokens themselves, of which -100 does not count.
 */
export function nextTokenLoss(logits: Tensor, labels: Tensor): Tensor {
  const time = (labels.shape[1] ?? 1) - 1;
  return crossEntropy(sliceAxis(logits, 1, 0, time), sliceAxis(labels, 1, 1, time));
}
