import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { floor } from '../unary/floor.ts';
import { neg } from '../unary/neg.ts';
import { div } from './div.ts';
import { mul } from './mul.ts';

export const modOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'mod',
  wgsl: ([a, b], { scalar }) => `modulo_${scalar}(${a}, ${b})`,
  loop(out, o, n, x, i, p, y, j, q) {
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = remainder(x[a] as number, y[b] as number);
  },
  derivative: ({ inputs, gradient }) => {
    const quotient = floor(div(operand(inputs, 0), operand(inputs, 1)));
    return [gradient, neg(mul(gradient, quotient))];
  },
  // Quotients between two whole numbers, where the result does not jump.
  sample: (_, a, b) => [
    { shape: a, range: [2.6, 2.9] },
    { shape: b, range: [1, 1.2] },
  ],
});

/**
 * What is left of `a` after division by `b`, of the sign of `b`: `a - b * floor(a / b)`. Elementwise, with
 * NumPy's broadcasting and promotion.
 */
export function mod(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(modOp, a, b);
}

function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}
