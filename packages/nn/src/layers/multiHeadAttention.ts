import { attention, type Tensor } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { mergeHeads, splitHeads } from '../heads.ts';

export interface MultiHeadOptions {
  readonly heads: number;
  /** Dropout on the attention weights. */
  readonly dropout: number;
  readonly causal?: boolean;
  /** What products of query and key are multiplied with. Defaults to 1 / sqrt(head size). */
  readonly scale?: number;
}

/**
 * Attention between projected tensors, head by head.
 *
 * @param query [B, T, D], as are `key` and `value` ([B, S, D]).
 * @param mask bool, broadcastable to [B, H, T, S]: true where a query may look.
 * @returns [B, T, D]
 */
export function multiHeadAttention(
  {
    query,
    key,
    value,
    mask,
  }: { query: Tensor; key: Tensor; value: Tensor; mask?: Tensor | undefined },
  { heads, dropout, causal = false, scale }: MultiHeadOptions,
  context: Context,
): Tensor {
  const split = [query, key, value].map((x) => splitHeads(x, heads)) as [Tensor, Tensor, Tensor];
  const drop = context.key === undefined ? undefined : { rate: dropout, key: context.key };
  return mergeHeads(
    attention(...split, { mask, causal, dropout: drop, ...(scale === undefined ? {} : { scale }) }),
  );
}
