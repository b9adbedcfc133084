import { batchElementwise } from '../../batching.ts';
import type { Composite, NoAttributes } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { hardSigmoid } from './hardSigmoid.ts';

export const hardSwishOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'hardSwish',
  elementwise: true,
  body(inputs) {
    const x = operand(inputs, 0);
    return mul(x, hardSigmoid(x));
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), range: [-4, 4], avoid: [-3, 3] }],
    attributes: {},
  }),
};

/** `x * hardSigmoid(x)` (Howard et al. 2019). Elementwise. */
export function hardSwish(x: Tensor): Tensor {
  return record(hardSwishOp, [x], {});
}
