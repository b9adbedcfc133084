import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { neg } from './neg.ts';
import { sin } from './sin.ts';

export const cosOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'cos',
  wgsl: ([x]) => `cosine(${x})`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.cos(x[i] as number);
  },
  derivative: ({ inputs, gradient }) => [neg(mul(gradient, sin(operand(inputs, 0))))],
});

/** The cosine of an angle in radians. Elementwise: the result has the shape of `x`. */
export function cos(x: TensorLike): Tensor {
  return record(cosOp, [asTensor(x)], {});
}
