import { LorikeetError } from '../../errors.ts';
import { axesBut } from '../../narrowing/axisMap.ts';
import type { Composite, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { requireElements } from '../../reduction.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { mean } from '../reduce/mean.ts';
import { rsqrt } from '../unary/rsqrt.ts';

export type RmsNormAttributes = { readonly epsilon: number };

export const rmsNormOp: Composite<RmsNormAttributes> = {
  kind: 'composite',
  name: 'rmsNorm',
  along: ([x]) => [axesBut(x?.shape ?? [], [(x?.shape.length ?? 1) - 1]), [null]],
  body(inputs, { epsilon }) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    if (x.rank === 0 || weight.rank !== 1 || weight.shape[0] !== x.shape.at(-1)) {
      throw new LorikeetError(
        'shape-mismatch',
        `rmsNorm: weight ${formatShape(weight.shape)} does not fit ${formatShape(x.shape)}`,
        {
          expected: 'one number for each element of the last axis of the input',
          received: formatShape(weight.shape),
        },
      );
    }
    requireElements('rmsNorm', x.shape, [x.rank - 1]);
    return mul(mul(x, inverseOf(x, epsilon)), weight);
  },
  derivative({ inputs, gradient, attributes: { epsilon } }) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    const inverse = inverseOf(x, epsilon);
    const unit = mul(x, inverse);
    const g = mul(gradient, weight);
    const tangent = sub(g, mul(unit, mean(mul(g, unit), -1, { keepAxes: true })));
    return [mul(tangent, inverse), mul(gradient, unit)];
  },
  sample(draw): Sample<RmsNormAttributes> {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    // Near 0 its gradient is what two large terms leave of each other, which no f32 holds.
    const off = (values: readonly number[]): number[] => values.map((v) => v + Math.sign(v) / 2);
    return {
      inputs: [{ shape, avoid: [0], arrange: off }, { shape: shape.slice(-1) }],
      attributes: { epsilon: draw.pick([1e-6, 0.1]) },
    };
  },
};

/**
 * `x` divided by the root of its mean square along the last axis, then scaled by `weight`. Zhang and
 * Sennrich 2019.
 *
 * @param weight of the length of the last axis.
 * @param epsilon added to the mean square.
 * @throws LorikeetError `shape-mismatch` if `weight` has another shape.
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return record(rmsNormOp, [x, weight], { epsilon });
}

function inverseOf(x: Tensor, epsilon: number): Tensor {
  return rsqrt(add(mean(mul(x, x), -1, { keepAxes: true }), epsilon));
}
