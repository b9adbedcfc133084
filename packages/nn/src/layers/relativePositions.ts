import {
  arange,
  expandDims,
  greater,
  lessEqual,
  logicalAnd,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';

/** Where each key stands, seen from each query: i32 [T, S], below 0 before it. The last query stands at the last key. */
export function relativePositions(queries: number, keys: number): Tensor {
  return sub(arange(keys), expandDims(arange(keys - queries, keys), 1));
}

/** The same for a cache, of which the first query stands at a `place` that is known only when it runs. */
export function positionsFrom(place: Tensor, queries: number, keys: number): Tensor {
  return sub(arange(keys), expandDims(arange(queries).add(place), 1));
}

/**
 * Which keys are not later than a query and, with a window, less than so many positions away.
 *
 * @param distance where each key stands, seen from each query, [T, S]; the result is bool.
 */
export function isBehind(distance: Tensor, window: number | undefined): Tensor {
  const behind = lessEqual(distance, 0);
  return window === undefined ? behind : logicalAnd(behind, greater(distance, -window));
}
