import { batchAxes } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { sub } from '../binary/sub.ts';
import { mean } from './mean.ts';
import {
  degreesOfFreedom,
  type VarianceAttributes,
  type VarianceOptions,
  varianceOp,
} from './variance.ts';
import { vectorNorm } from './vectorNorm.ts';

export const stdOp: Composite<VarianceAttributes> = {
  kind: 'composite',
  name: 'std',
  body(inputs, { axes, keepAxes, correction }) {
    const x = operand(inputs, 0);
    const count = degreesOfFreedom('std', x, axes, correction);
    const centred = sub(x, mean(x, axes, { keepAxes: true }));
    return div(vectorNorm(centred, { axes, keepAxes }), Math.sqrt(count));
  },
  batch: batchAxes,
  sample(draw) {
    const { inputs, attributes } = varianceOp.sample(draw);
    return { inputs: inputs.map((input) => ({ ...input, distinct: true })), attributes };
  },
};

/**
 * The standard deviation over `axes`, or over all of them: the root of `variance`. Its derivative is 0 where all elements are equal.
 *
 * @throws LorikeetError `shape-mismatch` if there are no more elements than the correction.
 */
export function std(
  x: Tensor,
  axes?: number | readonly number[],
  options: VarianceOptions = {},
): Tensor {
  return record(stdOp, [x], {
    axes: normalizeAxes('std', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
    correction: options.correction ?? 0,
  });
}
