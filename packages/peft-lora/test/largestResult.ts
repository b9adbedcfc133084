import { Context, combine, partition } from '@lorikeet/nn';
import { isTrainable } from '@lorikeet/peft-lora';
import { compile, square, type Tensor, valueAndGrad } from '@lorikeet/tensor-core';

interface Layer {
  call(x: Tensor, context: Context): Tensor;
}

/** Elements of the largest tensor that is made to call an adapted layer and to differentiate by its adapter. */
export function largestResult<T extends Layer>(
  tuned: T,
  x: Tensor,
  context: Context = Context.evaluation,
): number {
  const [live, frozen] = partition(tuned, isTrainable);
  const step = compile(
    valueAndGrad((part: typeof live, still: typeof frozen, input: Tensor) =>
      square(combine(part, still).call(input, context)).sum(),
    ),
  );
  const { instructions } = step.program(live, frozen, x);
  const sizes = instructions.map(({ type }) => type.shape.reduce((size, side) => size * side, 1));
  return Math.max(...sizes);
}
