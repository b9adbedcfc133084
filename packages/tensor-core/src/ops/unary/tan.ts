import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';

export const tanOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'tan',
  wgsl: ([x]) => `(sine(${x}) / cosine(${x}))`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.tan(x[i] as number);
  },
  derivative: ({ output, gradient }) => [mul(gradient, add(mul(output, output), 1))],
  sample: { range: [-1, 1] },
});

/** The tangent, of radians. Elementwise: the result has the shape of `x`. */
export function tan(x: TensorLike): Tensor {
  return record(tanOp, [asTensor(x)], {});
}
