import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { keptOperand } from '../../simplify.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { neg } from '../unary/neg.ts';

export const subOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'sub',
  wgsl: ([a, b]) => `(${a} - ${b})`,
  vanishes: 'every',
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) - (y[b] as number);
  },
  derivative: ({ gradient }) => [gradient, neg(gradient)],
  simplify: ([a, b], _, type) => keptOperand(type, a, b, 0),
});

/** The difference `a - b`. Elementwise, with NumPy's broadcasting and promotion. */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(subOp, a, b);
}
