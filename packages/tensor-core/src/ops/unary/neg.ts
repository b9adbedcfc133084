import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const negOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'neg',
  wgsl: ([x], { scalar }) => (scalar === 'u32' ? `(0u - ${x})` : `(-${x})`),
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = -(x[i] as number);
  },
  derivative: ({ gradient }) => [neg(gradient)],
  operand: 'number',
});

/** Negation, `-x`. Elementwise: the result has the shape of `x`. */
export function neg(x: TensorLike): Tensor {
  return record(negOp, [asTensor(x)], {});
}
