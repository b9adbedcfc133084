import { batchAxis } from '../../batching.ts';
import { axesBut } from '../../narrowing/axisMap.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { sum } from '../reduce/sum.ts';
import { exp } from '../unary/exp.ts';
import { logSumExp } from './logSumExp.ts';
import type { AxisAttributes } from './softmax.ts';

export const logSoftmaxOp: Composite<AxisAttributes> = {
  kind: 'composite',
  name: 'logSoftmax',
  along: ([x], { axis }) => [axesBut(x?.shape ?? [], [axis])],
  body(inputs, { axis }) {
    const x = operand(inputs, 0);
    return sub(x, logSumExp(x, axis, { keepAxes: true }));
  },
  derivative({ output, gradient, attributes: { axis } }) {
    return [sub(gradient, mul(exp(output), sum(gradient, axis, { keepAxes: true })))];
  },
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    return { inputs: [{ shape }], attributes: { axis: draw.integer(0, shape.length - 1) } };
  },
};

/** The logarithm of `softmax(x, axis)`, without the loss of digits of taking one after the other. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return record(logSoftmaxOp, [x], { axis: normalizeAxis('logSoftmax', axis, x.rank) });
}
