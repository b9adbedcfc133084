import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const equalOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'equal',
  wgsl: ([a, b]) => `(${a} == ${b})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) === (y[b] as number) ? 1 : 0;
  },
  derivative: 'none',
  operand: 'any',
  result: 'bool',
  sample: (_, a, b) => [
    { shape: a, dtype: 'i32', range: [0, 2] },
    { shape: b, dtype: 'i32', range: [0, 2] },
  ],
});

/** Whether `a` equals `b`; a bool tensor. Elementwise, with NumPy's broadcasting and promotion. */
export function equal(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(equalOp, a, b);
}
