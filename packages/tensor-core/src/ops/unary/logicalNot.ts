import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const logicalNotOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'logicalNot',
  wgsl: ([x], { truth }) => `!${truth(x)}`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = (x[i] as number) === 0 ? 1 : 0;
  },
  derivative: 'none',
  sample: { dtype: 'bool' },
  operand: 'any',
  result: 'bool',
});

/** Logical negation of a bool tensor. Elementwise: the result has the shape of `x`. */
export function logicalNot(x: TensorLike): Tensor {
  return record(logicalNotOp, [asTensor(x)], {});
}
