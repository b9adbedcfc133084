import { batchAxis } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { type ReductionOptions, reducedShape, unreducedAxes } from '../../reduction.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { sub } from '../binary/sub.ts';
import { reshape } from '../movement/reshape.ts';
import { max } from '../reduce/max.ts';
import { sum } from '../reduce/sum.ts';
import { exp } from '../unary/exp.ts';
import { log } from '../unary/log.ts';
import { stopGradient } from '../unary/stopGradient.ts';

export type LogSumExpAttributes = { readonly axis: number; readonly keepAxes: boolean };

export const logSumExpOp: Composite<LogSumExpAttributes> = {
  kind: 'composite',
  name: 'logSumExp',
  along: ([x], { axis, keepAxes }) => [unreducedAxes(x?.shape ?? [], { axes: [axis], keepAxes })],
  body(inputs, { axis, keepAxes }) {
    const x = operand(inputs, 0);
    const largest = stopGradient(max(x, axis, { keepAxes: true }));
    const total = add(log(sum(exp(sub(x, largest)), axis, { keepAxes: true })), largest);
    return reshape(total, reducedShape(x.shape, { axes: [axis], keepAxes }));
  },
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    return {
      inputs: [{ shape }],
      attributes: { axis: draw.integer(0, shape.length - 1), keepAxes: draw.boolean() },
    };
  },
};

/** `log(sum(exp(x)))` along `axis`, without overflow. */
export function logSumExp(x: Tensor, axis = -1, options: ReductionOptions = {}): Tensor {
  return record(logSumExpOp, [x], {
    axis: normalizeAxis('logSumExp', axis, x.rank),
    keepAxes: options.keepAxes ?? false,
  });
}
