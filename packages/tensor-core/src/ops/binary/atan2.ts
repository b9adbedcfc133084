import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { neg } from '../unary/neg.ts';
import { add } from './add.ts';
import { div } from './div.ts';
import { mul } from './mul.ts';

export const atan2Op: Primitive<NoAttributes> = binaryPrimitive({
  name: 'atan2',
  wgsl: ([a, b]) => `angle(${a}, ${b})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = Math.atan2(x[a] as number, y[b] as number);
  },
  derivative: ({ inputs, gradient }) => {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const scaled = div(gradient, add(mul(a, a), mul(b, b)));
    return [mul(scaled, b), neg(mul(scaled, a))];
  },
  operand: 'float',
  sample: (_, a, b) => [{ shape: a }, { shape: b, range: [0.3, 2] }],
});

/** The angle of the point (`b`, `a`) from the first axis, from -pi to pi. Elementwise, with NumPy's broadcasting and promotion. */
export function atan2(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(atan2Op, a, b);
}
