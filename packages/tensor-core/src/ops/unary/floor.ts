import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const floorOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'floor',
  wgsl: ([x]) => `floor(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.floor(x[i] as number);
  },
  derivative: 'none',
  sample: { avoid: [-2, -1, 0, 1, 2] },
});

/** The largest whole number that is not above `x`. Elementwise: the result has the shape of `x`. */
export function floor(x: TensorLike): Tensor {
  return record(floorOp, [asTensor(x)], {});
}
