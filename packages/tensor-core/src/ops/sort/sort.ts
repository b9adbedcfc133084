import type { Tensor } from '../../tensor.ts';
import { takeAlongAxis } from '../index/takeAlongAxis.ts';
import { argsort, type SortOptions } from './argsort.ts';

/** The elements of `x` in order along an axis. NaN counts as largest, so that it comes last, or first if `descending`. */
export function sort(x: Tensor, options: SortOptions = {}): Tensor {
  return takeAlongAxis(x, argsort(x, options), options.axis);
}
