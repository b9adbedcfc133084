import { batchAxes } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import {
  type ReductionAttributes,
  type ReductionOptions,
  requireElements,
} from '../../reduction.ts';
import { formatShape, normalizeAxes, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { mean } from './mean.ts';
import { sum } from './sum.ts';

export type VarianceAttributes = ReductionAttributes & { readonly correction: number };

export interface VarianceOptions extends ReductionOptions {
  /** What is taken from the count before dividing by it: 1 for an estimate from a sample. 0 if not given; NumPy calls it `ddof`. */
  readonly correction?: number;
}

export const varianceOp: Composite<VarianceAttributes> = {
  kind: 'composite',
  name: 'variance',
  body(inputs, { axes, keepAxes, correction }) {
    const x = operand(inputs, 0);
    const count = degreesOfFreedom('variance', x, axes, correction);
    // The mean comes first: the difference of large squares would lose all digits.
    const centred = sub(x, mean(x, axes, { keepAxes: true }));
    return div(sum(mul(centred, centred), axes, { keepAxes }), count);
  },
  batch: batchAxes,
  sample(draw) {
    const shape = draw.shape({ minSide: 2 });
    const axes = shape.map((_, axis) => axis).filter(() => draw.boolean());
    const correction = axes.length === 0 ? 0 : draw.integer(0, 1);
    return { inputs: [{ shape }], attributes: { axes, keepAxes: draw.boolean(), correction } };
  },
};

/**
 * The mean square difference from the mean over `axes`, or over all of them.
 *
 * @throws LorikeetError `shape-mismatch` if there are no more elements than the correction.
 */
export function variance(
  x: Tensor,
  axes?: number | readonly number[],
  options: VarianceOptions = {},
): Tensor {
  return record(varianceOp, [x], {
    axes: normalizeAxes('variance', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
    correction: options.correction ?? 0,
  });
}

/** How many elements lie over `axes`, less the correction. */
export function degreesOfFreedom(
  op: string,
  x: Tensor,
  axes: readonly number[],
  correction: number,
): number {
  requireElements(op, x.shape, axes);
  const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
  if (count > correction) return count - correction;
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: ${count} elements of ${formatShape(x.shape)} are too few for a correction of ${correction}`,
    { expected: `more than ${correction} elements`, received: `${count}` },
  );
}
