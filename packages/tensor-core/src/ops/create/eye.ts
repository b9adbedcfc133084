import type { DType } from '../../dtype.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { equal } from '../binary/equal.ts';
import { cast } from '../unary/cast.ts';
import { iota } from './iota.ts';

export interface EyeOptions {
  /** Which diagonal: 0, if not given, is the main one, and more lies further up and right. */
  readonly offset?: number;
  /** f32 if not given. */
  readonly dtype?: DType;
}

/** The matrix of `rows` and as many columns, or `columns`, that is 1 on a diagonal and else 0. */
export function eye(rows: number, columns: number = rows, options: EyeOptions = {}): Tensor {
  const { offset = 0, dtype = 'f32' } = options;
  const shape = [rows, columns];
  return cast(equal(iota(shape, 1), add(iota(shape, 0), offset)), dtype);
}
