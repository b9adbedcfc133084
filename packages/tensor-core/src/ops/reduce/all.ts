import type { ReductionOptions } from '../../reduction.ts';
import type { Tensor } from '../../tensor.ts';
import { cast } from '../unary/cast.ts';
import { logicalNot } from '../unary/logicalNot.ts';
import { any } from './any.ts';

/** Whether every element over `axes`, or over all of them, is true (bool) or not 0; true over no elements. */
export function all(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  return logicalNot(any(logicalNot(cast(x, 'bool')), axes, options));
}
