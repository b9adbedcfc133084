import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';

export const rsqrtOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'rsqrt',
  wgsl: ([x]) => `(1.0 / sqrt(${x}))`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = 1 / Math.sqrt(x[i] as number);
  },
  derivative: ({ output, gradient }) => [
    mul(gradient, mul(-0.5, mul(output, mul(output, output)))),
  ],
  sample: { range: [0.3, 3] },
});

/** The reciprocal of the square root. Elementwise: the result has the shape of `x`. */
export function rsqrt(x: TensorLike): Tensor {
  return record(rsqrtOp, [asTensor(x)], {});
}
