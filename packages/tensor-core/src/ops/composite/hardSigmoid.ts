import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { greater } from '../binary/greater.ts';
import { less } from '../binary/less.ts';
import { logicalAnd } from '../binary/logicalAnd.ts';
import { maximum } from '../binary/maximum.ts';
import { minimum } from '../binary/minimum.ts';
import { where } from '../binary/where.ts';

export const hardSigmoidOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'hardSigmoid',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return minimum(maximum(add(div(x, 6), 0.5), 0), 1);
  },
  derivative({ inputs, gradient }) {
    const x = operand(inputs, 0);
    return [where(logicalAnd(greater(x, -3), less(x, 3)), div(gradient, 6), 0)];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), range: [-4, 4], avoid: [-3, 3] }],
    attributes: {},
  }),
};

/** `x / 6 + 1 / 2` kept between 0 and 1. Elementwise. */
export function hardSigmoid(x: Tensor): Tensor {
  return record(hardSigmoidOp, [x], {});
}
