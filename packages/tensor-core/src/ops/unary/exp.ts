import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';

export const expOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'exp',
  wgsl: ([x]) => `exponential(${x})`,
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.exp(x[i] as number);
  },
  derivative: ({ output, gradient }) => [mul(gradient, output)],
});

/** The exponential, `e ** x`. Elementwise: the result has the shape of `x`. */
export function exp(x: TensorLike): Tensor {
  return record(expOp, [asTensor(x)], {});
}
