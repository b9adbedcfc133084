import { apartOperands, binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { cast } from '../unary/cast.ts';
import { logicalNot } from '../unary/logicalNot.ts';
import { add } from './add.ts';
import { greater } from './greater.ts';
import { less } from './less.ts';
import { mul } from './mul.ts';
import { sub } from './sub.ts';

export const maximumOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'maximum',
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = Math.max(x[a] as number, y[b] as number);
  },
  derivative: ({ inputs, gradient }) => {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const shareOfA = mul(
      0.5,
      add(cast(greater(a, b), gradient.dtype), cast(logicalNot(less(a, b)), gradient.dtype)),
    );
    return [mul(gradient, shareOfA), mul(gradient, sub(1, shareOfA))];
  },
  sample: apartOperands,
});

/** The larger of `a` and `b`, NaN if either is; at a tie both get half of the derivative. Elementwise, with NumPy's broadcasting and promotion. */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(maximumOp, a, b);
}
