import { batchElementwise } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { greater } from '../binary/greater.ts';
import { minimum } from '../binary/minimum.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { exp } from '../unary/exp.ts';
import { expm1 } from '../unary/expm1.ts';

export type EluAttributes = { readonly alpha: number };

export const eluOp: Composite<EluAttributes> = {
  kind: 'composite',
  name: 'elu',
  elementwise: true,
  body(inputs, { alpha }) {
    const x = operand(inputs, 0);
    // Bounded first, so that the side which is not taken does not overflow.
    return where(greater(x, 0), x, mul(expm1(minimum(x, 0)), alpha));
  },
  derivative({ inputs, gradient, attributes: { alpha } }) {
    const x = operand(inputs, 0);
    const slope = where(greater(x, 0), 1, mul(exp(minimum(x, 0)), alpha));
    return [mul(gradient, slope)];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [0] }],
    attributes: { alpha: draw.pick([1, 0.5]) },
  }),
};

/** `x` where it is positive, else `alpha * (exp(x) - 1)` (Clevert et al. 2016). Elementwise. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return record(eluOp, [x], { alpha });
}
