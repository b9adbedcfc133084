import { extremumPrimitive } from '../../extremumReduction.ts';
import type { Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { ReductionAttributes, ReductionOptions } from '../../reduction.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export const maxOp: Primitive<ReductionAttributes> = extremumPrimitive(
  'max',
  Number.NEGATIVE_INFINITY,
  Math.max,
);

/** The largest element over `axes`, or over all of them; NaN if there is one. Elements that share the maximum share the derivative. */
export function max(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  return record(maxOp, [x], {
    axes: normalizeAxes('max', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
  });
}
