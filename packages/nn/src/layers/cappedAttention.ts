import { dot, logicalAnd, reshape, softmax, type Tensor, tanh, where } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { isBehind, relativePositions } from './relativePositions.ts';

export interface CappedAttentionOptions {
  /** What products of query and key are multiplied with. */
  readonly scale: number;
  /** What scaled products cannot pass, either way. */
  readonly cap: number;
  /** Bool, broadcastable to [B, H, T, S]: true where a query may look. */
  readonly mask?: Tensor | undefined;
  /** Whether the last query stands at the last key, and each sees only keys that are not later. Defaults to true. */
  readonly causal?: boolean;
  /** A query sees only this many of the last keys. */
  readonly window?: number | undefined;
  /** Rate of dropout on the attention weights. */
  readonly dropout: number;
}

/**
 * Causal attention whose products are bounded by a soft cap, as in Gemma 2. Rivière et al. 2024,
 * https://arxiv.org/abs/2408.00118
 *
 * @param query [B, H, T, K]
 * @param key [B, G, S, K] with G heads, each for H / G heads of queries; the last query stands at the last key.
 * @param value [B, G, S, V]
 * @returns [B, H, T, V]
 */
export function cappedAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { scale, cap, mask, causal = true, window, dropout }: CappedAttentionOptions,
  context: Context,
): Tensor {
  const [batch = 0, heads = 0, time = 0, size = 0] = query.shape;
  const [, groups = 0, keys = 0] = key.shape;
  const along = [
    [0, 1],
    [0, 1],
  ] as const;
  const grouped = reshape(query, [batch, groups, (heads / groups) * time, size]);
  const products = dot(grouped, key, { contract: [[3], [3]], batch: along });
  const capped = softCap(reshape(products, [batch, heads, time, keys]).mul(scale), cap);
  const near = causal ? isBehind(relativePositions(time, keys), window) : undefined; // [T, S]
  const isSeen = mask && near ? logicalAnd(mask, near) : (mask ?? near);
  const seen = isSeen === undefined ? capped : where(isSeen, capped, -1e30);
  // A finite number: a query that sees nothing gets the mean of the values, as in `attention`.
  const weights = context.dropout(softmax(seen, -1), dropout);
  const byGroup = reshape(weights, [batch, groups, (heads / groups) * time, keys]);
  const attended = dot(byGroup, value, { contract: [[3], [2]], batch: along });
  return reshape(attended, [batch, heads, time, value.shape[3] ?? 0]);
}

/** `x`, the more the less of it beyond `cap`: `cap * tanh(x / cap)`. */
export function softCap(x: Tensor, cap: number): Tensor {
  return tanh(x.div(cap)).mul(cap);
}
