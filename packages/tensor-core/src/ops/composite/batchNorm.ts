import type { Composite, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { perChannel, sumToChannels } from '../../perChannel.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { neg } from '../unary/neg.ts';
import { rsqrt } from '../unary/rsqrt.ts';

export type BatchNormAttributes = { readonly epsilon: number };

const name = 'batchNorm';

export const batchNormOp: Composite<BatchNormAttributes> = {
  kind: 'composite',
  name,
  body(inputs, { epsilon }) {
    const [x, mean, variance] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const [weight, bias] = [operand(inputs, 3), operand(inputs, 4)];
    const centred = sub(x, perChannel(name, mean, x));
    const slope = mul(
      rsqrt(add(perChannel(name, variance, x), epsilon)),
      perChannel(name, weight, x),
    );
    return add(mul(centred, slope), perChannel(name, bias, x));
  },
  // All sums over the batch are of the gradient and of its product with the centred input.
  derivative({ inputs, gradient, attributes: { epsilon } }) {
    const [x, mean, variance] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const weight = operand(inputs, 3);
    const inverse = rsqrt(add(variance, epsilon));
    const slope = mul(inverse, weight);
    const byBias = sumToChannels(gradient);
    const bySlope = sumToChannels(mul(gradient, sub(x, perChannel(name, mean, x))));
    return [
      mul(gradient, perChannel(name, slope, x)),
      neg(mul(byBias, slope)),
      mul(mul(bySlope, slope), mul(mul(inverse, inverse), -0.5)),
      mul(bySlope, inverse),
      byBias,
    ];
  },
  sample(draw): Sample<BatchNormAttributes> {
    const channels = draw.integer(1, 3);
    const shape = [draw.integer(0, 3), channels, ...draw.shape({ maxRank: 2 })];
    const each = { shape: [channels] };
    return {
      inputs: [{ shape }, each, { ...each, range: [0.2, 2] }, each, each],
      attributes: { epsilon: draw.pick([1e-5, 0.1]) },
    };
  },
};

/**
 * `x` shifted by `mean` and divided by the root of `variance`, then scaled by `weight` and shifted by `bias`,
 * channel by channel. Ioffe and Szegedy 2015. In training, `batchStatistics` gives the mean and the variance.
 *
 * @param x [B, C, ...]
 * @param mean [C], as are `variance`, `weight` and `bias`.
 * @param options `epsilon` is added to the variance.
 * @throws LorikeetError `shape-mismatch` if the shapes do not fit.
 */
export function batchNorm(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight: Tensor,
  bias: Tensor,
  { epsilon }: BatchNormAttributes,
): Tensor {
  return record(batchNormOp, [x, mean, variance, weight, bias], { epsilon });
}
