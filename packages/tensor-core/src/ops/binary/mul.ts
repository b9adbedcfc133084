import { binaryPrimitive, recordBinary } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { keptOperand, keptOperandOfSwapped } from '../../simplify.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const mulOp: Primitive<NoAttributes> = binaryPrimitive({
  name: 'mul',
  wgsl: ([a, b]) => `(${a} * ${b})`,
  vanishes: 'any',
  loop(out, o, n, x, i, p, y, j, q) {
    if (out instanceof Int32Array || out instanceof Uint32Array) {
      // The product of two numbers of 32 bits does not fit into one of JavaScript's.
      for (let k = 0; k < n; k++)
        out[o + k] = Math.imul(x[i + p * k] as number, y[j + q * k] as number);
      return;
    }
    for (let k = 0, a = i, b = j; k < n; k++, a += p, b += q)
      out[o + k] = (x[a] as number) * (y[b] as number);
  },
  derivative: ({ inputs, gradient }) => [
    mul(gradient, operand(inputs, 1)),
    mul(gradient, operand(inputs, 0)),
  ],
  simplify: ([a, b], _, type) => keptOperand(type, a, b, 1) ?? keptOperandOfSwapped(type, a, b, 1),
});

/** The product `a * b`. Elementwise, with NumPy's broadcasting and promotion. */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  return recordBinary(mulOp, a, b);
}
