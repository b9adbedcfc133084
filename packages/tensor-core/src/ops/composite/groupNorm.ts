import { LorikeetError } from '../../errors.ts';
import type { Composite, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { perChannel, sumToChannels } from '../../perChannel.ts';
import { record } from '../../record.ts';
import { requireElements } from '../../reduction.ts';
import { formatShape, sizeOf } from '../../shape.ts';
import { derivativeOfStandardize, type Standardized, standardize } from '../../standardize.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { reshape } from '../movement/reshape.ts';

export type GroupNormAttributes = { readonly groups: number; readonly epsilon: number };

export const groupNormOp: Composite<GroupNormAttributes> = {
  kind: 'composite',
  name: 'groupNorm',
  body(inputs, attributes) {
    const [x, weight, bias] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireGroups(x, attributes.groups);
    requireElements('groupNorm', x.shape, x.shape.map((_, axis) => axis).slice(1));
    const unit = reshape(standardizeGroups(x, attributes).unit, x.shape);
    return add(mul(unit, perChannel('groupNorm', weight, x)), perChannel('groupNorm', bias, x));
  },
  derivative({ inputs, gradient, attributes }) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    const standardized = standardizeGroups(x, attributes);
    const scaled = mul(gradient, perChannel('groupNorm', weight, x));
    const byGroups = reshape(scaled, standardized.unit.shape);
    const unit = reshape(standardized.unit, x.shape);
    return [
      reshape(derivativeOfStandardize(standardized, [2], byGroups), x.shape),
      sumToChannels(mul(gradient, unit)),
      sumToChannels(gradient),
    ];
  },
  sample(draw): Sample<GroupNormAttributes> {
    const groups = draw.integer(1, 2);
    const channels = groups * draw.integer(1, 2);
    const shape = [draw.integer(1, 2), channels, ...draw.shape({ maxRank: 2, minSide: 1 })];
    return {
      inputs: [{ shape }, { shape: [channels] }, { shape: [channels] }],
      attributes: { groups, epsilon: draw.pick([1e-3, 0.1]) },
    };
  },
};

/**
 * `x` shifted and scaled to mean 0 and variance 1 over each group of channels and all that lies behind them,
 * then scaled by `weight` and shifted by `bias`, channel by channel. Wu and He 2018.
 *
 * @param x [B, C, ...]
 * @param weight [C], as is `bias`.
 * @param options `groups` divides C; `epsilon` is added to the variance.
 * @throws LorikeetError `shape-mismatch` if the shapes or the groups do not fit.
 */
export function groupNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { groups, epsilon }: GroupNormAttributes,
): Tensor {
  return record(groupNormOp, [x, weight, bias], { groups, epsilon });
}

/** Over the last axis of [B, groups, elements of a group]. */
function standardizeGroups(x: Tensor, { groups, epsilon }: GroupNormAttributes): Standardized {
  const [batch = 0, ...rest] = x.shape;
  return standardize(reshape(x, [batch, groups, sizeOf(rest) / groups]), [2], epsilon);
}

function requireGroups(x: Tensor, groups: number): void {
  const [, channels = 0] = x.shape;
  if (x.rank >= 2 && Number.isInteger(groups) && groups > 0 && channels % groups === 0) return;
  throw new LorikeetError(
    'shape-mismatch',
    `groupNorm: the channels of ${formatShape(x.shape)} do not make ${groups} groups`,
    {
      expected: 'an input [B, C, ...] with a number of channels that the groups divide',
      received: `${x.rank < 2 ? 'no' : channels} channels`,
    },
  );
}
