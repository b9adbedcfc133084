import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { div } from '../binary/div.ts';

export const logOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'log',
  wgsl: ([x]) => `logarithm(${x})`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.log(x[i] as number);
  },
  derivative: ({ inputs, gradient }) => [div(gradient, operand(inputs, 0))],
  sample: { range: [0.2, 3] },
});

/** The natural logarithm. Elementwise: the result has the shape of `x`. */
export function log(x: TensorLike): Tensor {
  return record(logOp, [asTensor(x)], {});
}
