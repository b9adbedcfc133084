import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { keptOperand } from '../../simplify.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { neg } from '../unary/neg.ts';
import { mul } from './mul.ts';

export const divOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'div',
  wgsl: ([a, b], { scalar }) =>
    scalar === 'f32' ? `(${a} / ${b})` : `quotient_${scalar}(${a}, ${b})`,
  vanishes: 'first',
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) / (y[b] as number);
  },
  derivative: ({ inputs, output, gradient }) => {
    const b = operand(inputs, 1);
    return [div(gradient, b), neg(mul(gradient, div(output, b)))];
  },
  sample: (_, a, b) => [{ shape: a }, { shape: b, range: [0.5, 2] }],
  simplify: ([a, b], _, type) => keptOperand(type, a, b, 1),
});

/** The quotient `a / b`; integers divide as floats do and drop the fraction. Elementwise, with NumPy's broadcasting and promotion. */
export function div(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(divOp, a, b);
}
