import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const shiftRightOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'shiftRight',
  wgsl: ([a, b]) => `(${a} >> (u32(${b}) & 31u))`,
  loop(out, o, n, x, i, p, y, j, q) {
    // The sign of a signed integer moves in.
    const isSigned = x instanceof Int32Array || x instanceof Int8Array;
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q) {
      const [value, bits] = [x[a] as number, y[b] as number];
      out[o + k] = isSigned ? value >> bits : value >>> bits;
    }
  },
  derivative: 'none',
  operand: 'integer',
  sample: (_, a, b) => [
    { shape: a, dtype: 'u32', range: [0, 4294967295] },
    { shape: b, dtype: 'u32', range: [0, 31] },
  ],
});

/** `a` shifted right by `b` bits, zeros moving in, or for signed integers copies of the sign; integers only. Elementwise, with NumPy's broadcasting and promotion. */
export function shiftRight(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(shiftRightOp, a, b);
}
