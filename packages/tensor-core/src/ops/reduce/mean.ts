import { type ReductionOptions, requireElements } from '../../reduction.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { sum } from './sum.ts';

/** The mean over `axes`, or over all of them. */
export function mean(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  const reduced = normalizeAxes('mean', axes, x.rank);
  requireElements('mean', x.shape, reduced);
  const count = reduced.reduce((product, axis) => product * (x.shape[axis] ?? 1), 1);
  return div(sum(x, reduced, options), count);
}
