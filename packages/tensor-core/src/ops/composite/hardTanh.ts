import { batchElementwise } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { greater } from '../binary/greater.ts';
import { less } from '../binary/less.ts';
import { logicalAnd } from '../binary/logicalAnd.ts';
import { maximum } from '../binary/maximum.ts';
import { minimum } from '../binary/minimum.ts';
import { where } from '../binary/where.ts';

export type HardTanhAttributes = { readonly min: number; readonly max: number };

export const hardTanhOp: Composite<HardTanhAttributes> = {
  kind: 'composite',
  name: 'hardTanh',
  elementwise: true,
  body(inputs, { min, max }) {
    const x = operand(inputs, 0);
    return minimum(maximum(x, min), max);
  },
  derivative({ inputs, gradient, attributes: { min, max } }) {
    const x = operand(inputs, 0);
    return [where(logicalAnd(greater(x, min), less(x, max)), gradient, 0)];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [-1, 1] }],
    attributes: { min: -1, max: 1 },
  }),
};

/** `x` kept between two bounds, at which its derivative is 0. Elementwise. */
export function hardTanh(x: Tensor, min = -1, max = 1): Tensor {
  return record(hardTanhOp, [x], { min, max });
}
