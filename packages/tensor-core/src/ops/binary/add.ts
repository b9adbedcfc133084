import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { keptOperand, keptOperandOfSwapped } from '../../simplify.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const addOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'add',
  wgsl: ([a, b]) => `(${a} + ${b})`,
  vanishes: 'every',
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) + (y[b] as number);
  },
  derivative: ({ gradient }) => [gradient, gradient],
  simplify: ([a, b], _, type) => keptOperand(type, a, b, 0) ?? keptOperandOfSwapped(type, a, b, 0),
});

/** The sum `a + b`. Elementwise, with NumPy's broadcasting and promotion. */
export function add(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(addOp, a, b);
}
