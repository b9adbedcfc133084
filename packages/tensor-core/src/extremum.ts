import type { Derivative, DerivativeArguments, NoAttributes } from './op.ts';
import { operand } from './operand.ts';
import { add } from './ops/binary/add.ts';
import { mul } from './ops/binary/mul.ts';
import { sub } from './ops/binary/sub.ts';
import { cast } from './ops/unary/cast.ts';
import { logicalNot } from './ops/unary/logicalNot.ts';
import type { Tensor } from './tensor.ts';

/**
 * The derivative of taking one of two elements: it goes to the one that was taken, and half to each at a tie.
 *
 * @param wins whether its first operand is strictly the one to take.
 */
export function derivativeOfChoice(
  wins: (a: Tensor, b: Tensor) => Tensor,
): Derivative<NoAttributes> {
  return ({ inputs, gradient }: DerivativeArguments<NoAttributes>) => {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const shareOfA = mul(
      0.5,
      add(cast(wins(a, b), gradient.dtype), cast(logicalNot(wins(b, a)), gradient.dtype)),
    );
    return [mul(gradient, shareOfA), mul(gradient, sub(1, shareOfA))];
  };
}
