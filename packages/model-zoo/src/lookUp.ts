import type { Context, Embedding } from '@lorikeet/nn';
import { equal, reshape, stopGradient, type Tensor, where } from '@lorikeet/tensor-core';

/**
 * Rows of an embedding, of which the row of padding gets no derivative, as with PyTorch's `padding_idx`.
 *
 * @param label the field that holds the embedding.
 * @param ids [B, T]; the result is [B, T, D].
 */
export function lookUp(
  label: string,
  embedding: Embedding,
  ids: Tensor,
  padId: number | null,
  context: Context,
): Tensor {
  const rows = context.call(label, embedding, ids); // [B, T, D]
  if (padId === null) return rows;
  const isPadding = reshape(equal(ids, padId), [...ids.shape, 1]); // [B, T, 1]
  return where(isPadding, stopGradient(rows), rows);
}
