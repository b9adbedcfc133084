import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { neg } from '../unary/neg.ts';
import { sigmoid } from './sigmoid.ts';
import { softplus } from './softplus.ts';

export const logSigmoidOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'logSigmoid',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return neg(softplus(neg(x)));
  },
  derivative({ inputs, gradient }) {
    return [mul(gradient, sigmoid(neg(operand(inputs, 0))))];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [0] }],
    attributes: {},
  }),
};

/** The logarithm of `sigmoid(x)`, without its loss of digits. Elementwise. */
export function logSigmoid(x: Tensor): Tensor {
  return record(logSigmoidOp, [x], {});
}
