import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { cos } from './cos.ts';

export const sinOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'sin',
  wgsl: ([x]) => `sine(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.sin(x[i] as number);
  },
  derivative: ({ inputs, gradient }) => [mul(gradient, cos(operand(inputs, 0)))],
});

/** The sine of an angle in radians. Elementwise: the result has the shape of `x`. */
export function sin(x: TensorLike): Tensor {
  return record(sinOp, [asTensor(x)], {});
}
