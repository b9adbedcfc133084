import { logicalAnd, type Tensor } from '@lorikeet/tensor-core';
import type { Past } from './keyValues.ts';
import { isBehind, positionsFrom } from './layers/relativePositions.ts';

/** Which keys the queries of an attention may look at. */
export interface Sight {
  /** Bool, broadcastable to [B, H, T, S]. */
  readonly mask?: Tensor | undefined;
  /** Whether a query sees only keys that are not later than it. */
  readonly causal: boolean;
  /** A query sees only keys less than this many positions away. */
  readonly window?: number | undefined;
}

/**
 * What `attention` is to be told. It takes the last query to stand at the last key: in a cache, whose end is empty, the
 * mask tells where they stand.
 *
 * @param queries T @param keys S
 */
export function sightOf(
  past: Past | undefined,
  sight: Sight,
  queries: number,
  keys: number,
): Sight {
  const place = past?.place;
  if (place === undefined || !sight.causal) return sight;
  const { mask, window } = sight;
  const near = isBehind(positionsFrom(place, queries, keys), window); // [T, S]
  return { mask: mask === undefined ? near : logicalAnd(mask, near), causal: false };
}
