import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';

export const log1pOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'log1p',
  wgsl: ([x]) => `logOfOnePlus(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.log1p(x[i] as number);
  },
  derivative: ({ inputs, gradient }) => [div(gradient, add(operand(inputs, 0), 1))],
  sample: { range: [-0.7, 2] },
});

/** `log(1 + x)` without the loss of digits near 0. Elementwise: the result has the shape of `x`. */
export function log1p(x: TensorLike): Tensor {
  return record(log1pOp, [asTensor(x)], {});
}
