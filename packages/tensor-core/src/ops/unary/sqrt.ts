import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { mul } from '../binary/mul.ts';

export const sqrtOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'sqrt',
  wgsl: ([x]) => `sqrt(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(x[i] as number);
  },
  derivative: ({ output, gradient }) => [div(gradient, mul(output, 2))],
  sample: { range: [0.2, 3] },
});

/** The square root. Elementwise: the result has the shape of `x`. */
export function sqrt(x: TensorLike): Tensor {
  return record(sqrtOp, [asTensor(x)], {});
}
