import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const bitwiseAndOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'bitwiseAnd',
  wgsl: ([a, b]) => `(${a} & ${b})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) & (y[b] as number);
  },
  derivative: 'none',
  operand: 'integer',
  sample: (_, a, b) => [
    { shape: a, dtype: 'i32', range: [-99, 99] },
    { shape: b, dtype: 'i32', range: [-99, 99] },
  ],
});

/** The bits that are set in both `a` and `b`. Integers only. Elementwise, with NumPy's broadcasting and promotion. */
export function bitwiseAnd(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(bitwiseAndOp, a, b);
}
