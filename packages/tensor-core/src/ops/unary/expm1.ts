import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';

export const expm1Op: Primitive<NoAttributes> = unaryPrimitive({
  name: 'expm1',
  wgsl: ([x]) => `expMinusOne(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.expm1(x[i] as number);
  },
  derivative: ({ output, gradient }) => [mul(gradient, add(output, 1))],
});

/** `exp(x) - 1` without the loss of digits near 0. Elementwise: the result has the shape of `x`. */
export function expm1(x: TensorLike): Tensor {
  return record(expm1Op, [asTensor(x)], {});
}
