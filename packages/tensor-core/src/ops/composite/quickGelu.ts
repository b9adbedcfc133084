import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sigmoid } from './sigmoid.ts';

export const quickGeluOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'quickGelu',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return mul(x, sigmoid(mul(x, 1.702)));
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape() }],
    attributes: {},
  }),
};

/** `x * sigmoid(1.702 x)`, the approximation of `gelu` that CLIP was trained with. Elementwise. */
export function quickGelu(x: Tensor): Tensor {
  return record(quickGeluOp, [x], {});
}
