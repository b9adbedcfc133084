import { apartOperands, binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const lessOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'less',
  wgsl: ([a, b], { ordered }) => `(${ordered(a)} < ${ordered(b)})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) < (y[b] as number) ? 1 : 0;
  },
  derivative: 'none',
  operand: 'any',
  result: 'bool',
  sample: apartOperands,
});

/** Whether `a` is less than `b`; a bool tensor. Elementwise, with NumPy's broadcasting and promotion. */
export function less(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(lessOp, a, b);
}
