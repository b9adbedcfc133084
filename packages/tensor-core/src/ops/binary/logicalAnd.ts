import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const logicalAndOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'logicalAnd',
  wgsl: ([a, b], { truth }) => `(${truth(a)} && ${truth(b)})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) !== 0 && (y[b] as number) !== 0 ? 1 : 0;
  },
  derivative: 'none',
  operand: 'any',
  result: 'bool',
  sample: (_, a, b) => [
    { shape: a, dtype: 'bool' },
    { shape: b, dtype: 'bool' },
  ],
});

/** Whether both `a` and `b` are not 0; a bool tensor. Elementwise, with NumPy's broadcasting and promotion. */
export function logicalAnd(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(logicalAndOp, a, b);
}
