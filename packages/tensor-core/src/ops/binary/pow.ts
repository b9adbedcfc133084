import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { keptOperand } from '../../simplify.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { log } from '../unary/log.ts';
import { equal } from './equal.ts';
import { logicalAnd } from './logicalAnd.ts';
import { mul } from './mul.ts';
import { sub } from './sub.ts';
import { where } from './where.ts';

export const powOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'pow',
  wgsl: ([a, b], { scalar }) => `power_${scalar}(${a}, ${b})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) ** (y[b] as number);
  },
  derivative: ({ inputs, output, gradient }) => {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    // Where a product of 0 and infinity stands for a limit, the limit is 0.
    const isOrigin = logicalAnd(equal(a, 0), equal(b, 0));
    const byBase = where(isOrigin, 0, mul(b, pow(a, sub(b, 1))));
    const byExponent = mul(output, log(where(equal(a, 0), 1, a)));
    return [mul(gradient, byBase), mul(gradient, byExponent)];
  },
  sample: (_, a, b) => [{ shape: a, range: [0.3, 2] }, { shape: b }],
  simplify: ([a, b], _, type) => keptOperand(type, a, b, 1),
});

/** The power `a ** b`. The derivative by `b` needs `a > 0`. Elementwise, with NumPy's broadcasting and promotion. */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(powOp, a, b);
}
