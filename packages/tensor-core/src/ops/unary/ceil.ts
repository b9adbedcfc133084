import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const ceilOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'ceil',
  wgsl: ([x]) => `ceil(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.ceil(x[i] as number);
  },
  derivative: 'none',
  sample: { avoid: [-2, -1, 0, 1, 2] },
});

/** The smallest whole number that is not below `x`. Elementwise: the result has the shape of `x`. */
export function ceil(x: TensorLike): Tensor {
  return record(ceilOp, [asTensor(x)], {});
}
