import { apartOperands, binaryPrimitive, recordBinary } from '../../elementwise.ts';
import { derivativeOfChoice } from '../../extremum.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { greater } from './greater.ts';

export const maximumOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'maximum',
  wgsl: ([a, b], { scalar }) => (scalar === 'f32' ? `larger(${a}, ${b})` : `max(${a}, ${b})`),
  vanishes: 'every',
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = Math.max(x[a] as number, y[b] as number);
  },
  derivative: derivativeOfChoice((a, b) => greater(a, b)),
  sample: apartOperands,
});

/** The larger of `a` and `b`, NaN if either is; at a tie both get half of the derivative. Elementwise, with NumPy's broadcasting and promotion. */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(maximumOp, a, b);
}
