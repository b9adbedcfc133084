import { batchAxis } from '../../batching.ts';
import { axesBut } from '../../narrowing/axisMap.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { max } from '../reduce/max.ts';
import { sum } from '../reduce/sum.ts';
import { exp } from '../unary/exp.ts';
import { stopGradient } from '../unary/stopGradient.ts';

export type AxisAttributes = { readonly axis: number };

export const softmaxOp: Composite<AxisAttributes> = {
  kind: 'composite',
  name: 'softmax',
  along: ([x], { axis }) => [axesBut(x?.shape ?? [], [axis])],
  body(inputs, { axis }) {
    const x = operand(inputs, 0);
    const powers = exp(sub(x, stopGradient(max(x, axis, { keepAxes: true }))));
    return div(powers, sum(powers, axis, { keepAxes: true }));
  },
  derivative({ output, gradient, attributes: { axis } }) {
    const weighted = mul(output, gradient);
    return [sub(weighted, mul(output, sum(weighted, axis, { keepAxes: true })))];
  },
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    return { inputs: [{ shape }], attributes: { axis: draw.integer(0, shape.length - 1) } };
  },
};

/** Positive numbers along `axis` that sum to 1, in proportion to `exp(x)`. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return record(softmaxOp, [x], { axis: normalizeAxis('softmax', axis, x.rank) });
}
