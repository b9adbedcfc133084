import type { DType } from '../../dtype.ts';
import type { Tensor } from '../../tensor.ts';
import { equal } from '../binary/equal.ts';
import { iota } from '../create/iota.ts';
import { reshape } from '../movement/reshape.ts';
import { cast } from '../unary/cast.ts';

/** 1 at each index along a new last axis of length `depth`, else 0; an index outside gives only zeros. */
export function oneHot(indices: Tensor, depth: number, dtype: DType = 'f32'): Tensor {
  return cast(
    equal(reshape(indices, [...indices.shape, 1]), iota([depth], 0, indices.dtype)),
    dtype,
  );
}
