import { attention, type Tensor } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { mergeHeads, splitHeads } from '../heads.ts';

export interface MultiHeadOptions {
  readonly heads: number;
  /** Heads of keys and values, if fewer: as many heads of queries in a row share one. Ainslie et al. 2023. */
  readonly keyValueHeads?: number;
  /** Dropout on the attention weights. */
  readonly dropout: number;
  readonly causal?: boolean;
  /** A query sees only keys less than this many positions away. */
  readonly window?: number;
  /** What products of query and key are multiplied with. Defaults to 1 / sqrt(head size). */
  readonly scale?: number;
}

export interface AttentionInputs {
  /** [B, T, H * K] */
  readonly query: Tensor;
  /** [B, S, G * K], where G is H if there are no `keyValueHeads`. */
  readonly key: Tensor;
  /** [B, S, G * V] */
  readonly value: Tensor;
  /** Bool, broadcastable to [B, H, T, S]: true where a query may look. */
  readonly mask?: Tensor | undefined;
  /** Added to the scaled products; broadcastable to [B, H, T, S]. */
  readonly bias?: Tensor | undefined;
}

/**
 * Attention between projected tensors, head by head.
 *
 * @returns [B, T, H * V]
 */
export function multiHeadAttention(
  { query, key, value, mask, bias }: AttentionInputs,
  { heads, keyValueHeads = heads, dropout, causal, window, scale }: MultiHeadOptions,
  context: Context,
): Tensor {
  return mergeHeads(
    attention(
      splitHeads(query, heads),
      splitHeads(key, keyValueHeads),
      splitHeads(value, keyValueHeads),
      {
        mask,
        bias,
        window,
        dropout: context.key === undefined ? undefined : { rate: dropout, key: context.key },
        ...(causal === undefined ? {} : { causal }),
        ...(scale === undefined ? {} : { scale }),
      },
    ),
  );
}
