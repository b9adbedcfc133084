import { attention, type Tensor } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { mergeHeads, splitHeads } from '../heads.ts';
import { afterPast, type Past } from '../keyValues.ts';
import { sightOf } from '../sight.ts';

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
  /** Of positions before these, split into heads already; S counts them too. */
  readonly past?: Past | undefined;
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
  { query, key, value, past, mask, bias }: AttentionInputs,
  { heads, keyValueHeads = heads, dropout, causal = false, window, scale }: MultiHeadOptions,
  context: Context,
): Tensor {
  const all = afterPast(past, {
    key: splitHeads(key, keyValueHeads),
    value: splitHeads(value, keyValueHeads),
  });
  const [queries = 0, keys = 0] = [query.shape[1], all.key.shape[2]];
  return mergeHeads(
    attention(splitHeads(query, heads), all.key, all.value, {
      ...sightOf(past, { mask, causal, window }, queries, keys),
      bias,
      dropout: context.key === undefined ? undefined : { rate: dropout, key: context.key },
      ...(scale === undefined ? {} : { scale }),
    }),
  );
}
