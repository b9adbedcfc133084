import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sigmoid } from './sigmoid.ts';

export const siluOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'silu',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return mul(x, sigmoid(x));
  },
  batch: batchElementwise,
  sample: (draw) => ({ inputs: [{ shape: draw.shape() }], attributes: {} }),
};

/** `x * sigmoid(x)`, also called swish. Elementwise. */
export function silu(x: Tensor): Tensor {
  return record(siluOp, [x], {});
}
