import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { greater } from '../binary/greater.ts';
import { maximum } from '../binary/maximum.ts';
import { where } from '../binary/where.ts';

export const reluOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'relu',
  elementwise: true,
  body: (inputs) => maximum(operand(inputs, 0), 0),
  derivative: ({ inputs, gradient }) => [where(greater(operand(inputs, 0), 0), gradient, 0)],
  batch: batchElementwise,
  sample: (draw) => ({ inputs: [{ shape: draw.shape(), avoid: [0] }], attributes: {} }),
};

/** The positive part, `max(x, 0)`; its derivative at 0 is 0. Elementwise. */
export function relu(x: Tensor): Tensor {
  return record(reluOp, [x], {});
}
