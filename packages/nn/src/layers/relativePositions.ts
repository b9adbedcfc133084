import { arange, expandDims, sub, type Tensor } from '@lorikeet/tensor-core';

/** Where each key stands, seen from each query: i32 [T, S], below 0 before it. The last query stands at the last key. */
export function relativePositions(queries: number, keys: number): Tensor {
  return sub(arange(keys), expandDims(arange(keys - queries, keys), 1));
}
