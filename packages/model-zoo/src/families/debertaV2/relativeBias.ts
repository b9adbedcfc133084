import { splitHeads } from '@lorikeet/nn';
import { dot, reshape, type Tensor, takeAlongAxis } from '@lorikeet/tensor-core';
import type { DebertaFields } from './config.ts';

/** What distances have become, and which pair of tokens has which. */
interface Projected {
  /** i32 [T, T] */
  readonly index: Tensor;
  /** [2S, D], where queries meet distances. */
  readonly forQueries: Tensor | undefined;
  /** [2S, D], where keys meet distances. */
  readonly forKeys: Tensor | undefined;
}

/** Whether queries meet distances, and whether keys do. */
export function meetsOf({ pos_att_type: kinds }: Pick<DebertaFields, 'pos_att_type'>): {
  readonly queries: boolean;
  readonly keys: boolean;
} {
  return { queries: kinds.includes('c2p'), keys: kinds.includes('p2c') };
}

/**
 * What distances add to the products of queries and keys.
 *
 * @param query [B, H, T, K]
 * @param key [B, H, T, K]
 * @returns [B, H, T, T], or `undefined` where nothing meets distances.
 */
export function relativeBias(
  query: Tensor,
  key: Tensor,
  { index, forQueries, forKeys }: Projected,
): Tensor | undefined {
  const ofQueries = forQueries && meet(query, forQueries, index);
  // A key meets the distance from the query to it: the same row, with the key as the first of the pair.
  const ofKeys = forKeys && meet(key, forKeys, index.permute([1, 0])).permute([0, 1, 3, 2]);
  return ofQueries && ofKeys ? ofQueries.add(ofKeys) : (ofQueries ?? ofKeys);
}

/** Products of tokens with the distances that are theirs, [B, H, T, T]. */
function meet(tokens: Tensor, distances: Tensor, index: Tensor): Tensor {
  const [batch = 0, heads = 0, time = 0, size = 0] = tokens.shape;
  const [count = 0, width = 0] = distances.shape;
  const byHead = reshape(splitHeads(reshape(distances, [1, count, width]), heads), [
    heads,
    count,
    size,
  ]);
  const products = dot(tokens, byHead, { contract: [[3], [2]], batch: [[1], [0]] }); // [H, B, T, 2S]
  const taken = takeAlongAxis(products, index.broadcastTo([heads, batch, time, time]));
  return taken.permute([1, 0, 2, 3]);
}
