import { batchElementwise } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { greater } from '../binary/greater.ts';
import { minimum } from '../binary/minimum.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { exp } from '../unary/exp.ts';
import { expm1 } from '../unary/expm1.ts';

export type CeluAttributes = { readonly alpha: number };

export const celuOp: Composite<CeluAttributes> = {
  kind: 'composite',
  name: 'celu',
  elementwise: true,
  body(inputs, { alpha }) {
    const x = operand(inputs, 0);
    return where(greater(x, 0), x, mul(expm1(div(minimum(x, 0), alpha)), alpha));
  },
  derivative({ inputs, gradient, attributes: { alpha } }) {
    const x = operand(inputs, 0);
    const slope = where(greater(x, 0), 1, exp(div(minimum(x, 0), alpha)));
    return [mul(gradient, slope)];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [0] }],
    attributes: { alpha: draw.pick([1, 0.5]) },
  }),
};

/** `x` where it is positive, else `alpha * (exp(x / alpha) - 1)` (Barron 2017). Elementwise. */
export function celu(x: Tensor, alpha = 1): Tensor {
  return record(celuOp, [x], { alpha });
}
