import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { greater } from '../binary/greater.ts';
import { less } from '../binary/less.ts';
import { logicalAnd } from '../binary/logicalAnd.ts';
import { maximum } from '../binary/maximum.ts';
import { minimum } from '../binary/minimum.ts';
import { where } from '../binary/where.ts';

export const relu6Op: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'relu6',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return minimum(maximum(x, 0), 6);
  },
  derivative({ inputs, gradient }) {
    const x = operand(inputs, 0);
    return [where(logicalAnd(greater(x, 0), less(x, 6)), gradient, 0)];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), range: [-2, 8], avoid: [0, 6] }],
    attributes: {},
  }),
};

/** The positive part up to 6; its derivative at 0 and 6 is 0. Elementwise. */
export function relu6(x: Tensor): Tensor {
  return record(relu6Op, [x], {});
}
