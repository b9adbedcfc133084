import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const isNaNOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'isNaN',
  wgsl: ([x]) => `isNotANumber(${x})`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Number.isNaN(x[i] as number) ? 1 : 0;
  },
  derivative: 'none',
  result: 'bool',
});

/** Whether `x` is not a number; a bool tensor. Elementwise: the result has the shape of `x`. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the name of the op in NumPy and JAX
export function isNaN(x: TensorLike): Tensor {
  return record(isNaNOp, [asTensor(x)], {});
}
