import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { maximum } from '../binary/maximum.ts';
import { mul } from '../binary/mul.ts';
import { abs } from '../unary/abs.ts';
import { exp } from '../unary/exp.ts';
import { log1p } from '../unary/log1p.ts';
import { neg } from '../unary/neg.ts';
import { sigmoid } from './sigmoid.ts';

export const softplusOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'softplus',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    // The larger part outside of the exponential, which does not overflow.
    return add(maximum(x, 0), log1p(exp(neg(abs(x)))));
  },
  derivative({ inputs, gradient }) {
    return [mul(gradient, sigmoid(operand(inputs, 0)))];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [0] }],
    attributes: {},
  }),
};

/** `log(1 + exp(x))`, a smooth `relu`. Elementwise. */
export function softplus(x: Tensor): Tensor {
  return record(softplusOp, [x], {});
}
