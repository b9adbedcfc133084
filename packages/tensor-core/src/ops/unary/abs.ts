import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sign } from './sign.ts';

export const absOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'abs',
  wgsl: ([x]) => `abs(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.abs(x[i] as number);
  },
  derivative: ({ inputs, gradient }) => [mul(gradient, sign(operand(inputs, 0)))],
  sample: { avoid: [0] },
  operand: 'number',
});

/** The absolute value; its derivative at 0 is 0. Elementwise: the result has the shape of `x`. */
export function abs(x: TensorLike): Tensor {
  return record(absOp, [asTensor(x)], {});
}
