import type { ReductionOptions } from '../../reduction.ts';
import type { Tensor } from '../../tensor.ts';
import { greater } from '../binary/greater.ts';
import { cast } from '../unary/cast.ts';
import { sum } from './sum.ts';

/** Whether some element over `axes`, or over all of them, is true (bool) or not 0; false over no elements. */
export function any(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  return greater(sum(cast(cast(x, 'bool'), 'i32'), axes, options), 0);
}
