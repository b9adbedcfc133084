import type { DType } from '../../dtype.ts';
import type { Tensor } from '../../tensor.ts';
import { equal } from '../binary/equal.ts';
import { iota } from '../create/iota.ts';
import { reshape } from '../movement/reshape.ts';
import { cast } from '../unary/cast.ts';

/** 1 at each index along a new last axis of length `depth`, else 0; an index outside gives only zeros. */
export function oneHot(indices: Tensor, depth: number, dtype: DType = 'f32'): Tensor {
  // A u8 could not count up to every depth.
  const wide = indices.dtype === 'u8' ? cast(indices, 'i32') : indices;
  return cast(equal(reshape(wide, [...wide.shape, 1]), iota([depth], 0, wide.dtype)), dtype);
}
