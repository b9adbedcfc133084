import { apartOperands, binaryPrimitive, recordBinary } from '../../elementwise.ts';
import { derivativeOfChoice } from '../../extremum.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { less } from './less.ts';

export const minimumOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'minimum',
  wgsl: ([a, b], { scalar }) => (scalar === 'f32' ? `smaller(${a}, ${b})` : `min(${a}, ${b})`),
  vanishes: 'every',
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = Math.min(x[a] as number, y[b] as number);
  },
  derivative: derivativeOfChoice((a, b) => less(a, b)),
  sample: apartOperands,
});

/** The smaller of `a` and `b`, NaN if either is; at a tie both get half of the derivative. Elementwise, with NumPy's broadcasting and promotion. */
export function minimum(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(minimumOp, a, b);
}
