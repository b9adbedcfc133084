import { extremumPrimitive } from '../../extremumReduction.ts';
import type { Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { ReductionAttributes, ReductionOptions } from '../../reduction.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export const minOp: Primitive<ReductionAttributes> = extremumPrimitive(
  'min',
  Number.POSITIVE_INFINITY,
  Math.min,
);

/** The smallest element over `axes`, or over all of them; NaN if there is one. Elements that share the minimum share the derivative. */
export function min(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  return record(minOp, [x], {
    axes: normalizeAxes('min', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
  });
}
