import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const isFiniteOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'isFinite',
  wgsl: ([x]) => `isFiniteNumber(${x})`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Number.isFinite(x[i] as number) ? 1 : 0;
  },
  derivative: 'none',
  result: 'bool',
});

/** Whether an element is neither infinite nor NaN; a bool tensor. Elementwise: the result has the shape of `x`. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the name of the op in NumPy and JAX
export function isFinite(x: TensorLike): Tensor {
  return record(isFiniteOp, [asTensor(x)], {});
}
