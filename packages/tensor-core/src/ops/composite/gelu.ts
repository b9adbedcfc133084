import { batchElementwise } from '../../batching.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { erf } from '../unary/erf.ts';
import { exp } from '../unary/exp.ts';
import { tanh } from '../unary/tanh.ts';

export type GeluAttributes = { readonly approximate: 'none' | 'tanh' };

const rootOfTwoOverPi = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

export const geluOp: Composite<GeluAttributes> = {
  kind: 'composite',
  name: 'gelu',
  elementwise: true,
  body(inputs, { approximate }) {
    const x = operand(inputs, 0);
    const slope = approximate === 'tanh' ? tanh(innerOfTanh(x)) : erf(mul(x, Math.SQRT1_2));
    return mul(mul(x, 0.5), add(slope, 1));
  },
  derivative({ inputs, gradient, attributes: { approximate } }) {
    const x = operand(inputs, 0);
    if (approximate === 'none') {
      const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      const distribution = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
      return [mul(gradient, add(distribution, mul(x, density)))];
    }
    const slope = tanh(innerOfTanh(x));
    const inner = mul(add(mul(mul(x, x), 3 * cubic), 1), rootOfTwoOverPi);
    const bend = mul(mul(x, sub(1, mul(slope, slope))), inner);
    return [mul(gradient, mul(add(add(slope, 1), bend), 0.5))];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape() }],
    attributes: { approximate: draw.pick(['none', 'tanh'] as const) },
  }),
};

/**
 * The Gaussian error linear unit, `x` times the normal distribution function at `x` (Hendrycks and Gimpel
 * 2016); with `'tanh'`, the approximation that GPT-2 was trained with. Elementwise.
 */
export function gelu(x: Tensor, approximate: GeluAttributes['approximate'] = 'none'): Tensor {
  return record(geluOp, [x], { approximate });
}

function innerOfTanh(x: Tensor): Tensor {
  return mul(add(x, mul(mul(mul(x, x), x), cubic)), rootOfTwoOverPi);
}
