import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';

export const tanhOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'tanh',
  wgsl: ([x]) => `hyperbolicTangent(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.tanh(x[i] as number);
  },
  derivative: ({ output, gradient }) => [mul(gradient, sub(1, mul(output, output)))],
});

/** The hyperbolic tangent. Elementwise: the result has the shape of `x`. */
export function tanh(x: TensorLike): Tensor {
  return record(tanhOp, [asTensor(x)], {});
}
