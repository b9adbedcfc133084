import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const signOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'sign',
  wgsl: ([x], { scalar }) => (scalar === 'f32' ? `signOfFloat(${x})` : `sign(${x})`),
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.sign(x[i] as number);
  },
  derivative: 'none',
  sample: { avoid: [0] },
  operand: 'number',
});

/** -1, 0 or 1. Elementwise: the result has the shape of `x`. */
export function sign(x: TensorLike): Tensor {
  return record(signOp, [asTensor(x)], {});
}
