import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { tanh } from '../unary/tanh.ts';
import { softplus } from './softplus.ts';

export const mishOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'mish',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return mul(x, tanh(softplus(x)));
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [0] }],
    attributes: {},
  }),
};

/** `x * tanh(softplus(x))` (Misra 2019). Elementwise. */
export function mish(x: Tensor): Tensor {
  return record(mishOp, [x], {});
}
