import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const bitwiseNotOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'bitwiseNot',
  wgsl: ([x]) => `(~${x})`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = ~(x[i] as number);
  },
  derivative: 'none',
  sample: { dtype: 'i32', range: [-9, 9] },
  operand: 'integer',
});

/** Every bit of an integer turned over. Elementwise: the result has the shape of `x`. */
export function bitwiseNot(x: TensorLike): Tensor {
  return record(bitwiseNotOp, [asTensor(x)], {});
}
