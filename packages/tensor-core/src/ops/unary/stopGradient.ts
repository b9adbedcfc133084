import { batchElementwise } from '../../batching.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';

export const stopGradientOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'stopGradient',
  wgsl: ([x = '']) => x,
  elementwise: true,
  infer: (inputs) => operand(inputs, 0),
  evaluate(inputs, _, output) {
    output.data.set(operand(inputs, 0).data);
  },
  derivative: 'none',
  batch: batchElementwise,
  sample: (draw) => ({ inputs: [{ shape: draw.shape() }], attributes: {} }),
  simplify: () => 0,
};

/** `x` as a constant: no derivative flows through it. */
export function stopGradient(x: Tensor): Tensor {
  return record(stopGradientOp, [x], {});
}
