import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const shiftLeftOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'shiftLeft',
  wgsl: ([a, b]) => `(${a} << (u32(${b}) & 31u))`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) << (y[b] as number);
  },
  derivative: 'none',
  operand: 'integer',
  sample: (_, a, b) => [
    { shape: a, dtype: 'u32', range: [0, 4294967295] },
    { shape: b, dtype: 'u32', range: [0, 31] },
  ],
});

/** `a` shifted left by `b` bits, zeros moving in; integers only. Elementwise, with NumPy's broadcasting and promotion. */
export function shiftLeft(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(shiftLeftOp, a, b);
}
