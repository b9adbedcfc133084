import { batchElementwise } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { greater } from '../binary/greater.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';

export type LeakyReluAttributes = { readonly slope: number };

export const leakyReluOp: Composite<LeakyReluAttributes> = {
  kind: 'composite',
  name: 'leakyRelu',
  elementwise: true,
  body(inputs, { slope }) {
    const x = operand(inputs, 0);
    return where(greater(x, 0), x, mul(x, slope));
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [0] }],
    attributes: { slope: draw.pick([0.01, 0.3]) },
  }),
};

/** `x` where it is positive, else `slope * x`. Elementwise. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return record(leakyReluOp, [x], { slope });
}
