import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { tanh } from '../unary/tanh.ts';

export const sigmoidOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'sigmoid',
  elementwise: true,
  // By the hyperbolic tangent, which does not overflow.
  body: (inputs) => add(mul(tanh(mul(operand(inputs, 0), 0.5)), 0.5), 0.5),
  derivative: ({ output, gradient }) => [mul(gradient, mul(output, sub(1, output)))],
  batch: batchElementwise,
  sample: (draw) => ({ inputs: [{ shape: draw.shape() }], attributes: {} }),
};

/** The logistic function, `1 / (1 + exp(-x))`. Elementwise. */
export function sigmoid(x: Tensor): Tensor {
  return record(sigmoidOp, [x], {});
}
