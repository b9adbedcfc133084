import { batchedInputs } from '../../batching.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';

export const barrierOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'barrier',
  infer: (inputs) => operand(inputs, 0),
  evaluate(inputs, _, output) {
    output.data.set(operand(inputs, 0).data);
  },
  derivative: ({ inputs, gradient }) => inputs.map((_, i) => (i === 0 ? gradient : null)),
  batch: (args) => {
    const [x, ...others] = batchedInputs(args);
    return barrier(x as Tensor, others);
  },
  sample: (draw) => ({
    inputs: [{ shape: draw.shape() }, ...(draw.boolean() ? [{ shape: draw.shape() }] : [])],
    attributes: {},
  }),
};

/**
 * `x` itself, but not before `others` are computed. What is made of it is not merged with what is made of
 * `x`, so that a program can compute something again later instead of keeping it. JAX's `optimization_barrier`.
 */
export function barrier(x: Tensor, others: readonly Tensor[]): Tensor {
  return record(barrierOp, [x, ...others], {});
}
