import { batchElementwise } from '../../batching.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';

export const aliasOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'alias',
  wgsl: ([x = '']) => x,
  elementwise: true,
  infer: (inputs) => operand(inputs, 0),
  evaluate(inputs, _, output) {
    output.data.set(operand(inputs, 0).data);
  },
  derivative: ({ gradient }) => [gradient],
  batch: batchElementwise,
  sample: (draw) => ({ inputs: [{ shape: draw.shape() }], attributes: {} }),
  simplify: () => 0,
};

/** `x` under a new identity, so that a transform can tell its uses apart from other uses of the same tensor. */
export function alias(x: Tensor): Tensor {
  return record(aliasOp, [x], {});
}
