import { LorikeetError } from '../../errors.ts';
import type { LossOptions, LossReduction } from '../../lossReduction.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { equal } from '../binary/equal.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { sum } from '../reduce/sum.ts';
import { cast } from '../unary/cast.ts';
import { neg } from '../unary/neg.ts';
import { stopGradient } from '../unary/stopGradient.ts';
import { requireWeight } from './crossEntropy.ts';
import { logSoftmax } from './logSoftmax.ts';

/** The operands are logits, probabilities and, if `weighted`, the weights of the classes. */
export type SoftCrossEntropyAttributes = {
  readonly labelSmoothing: number;
  readonly weighted: boolean;
  readonly reduction: LossReduction;
};

export const softCrossEntropyOp: Composite<SoftCrossEntropyAttributes> = {
  kind: 'composite',
  name: 'softCrossEntropy',
  body(inputs, { labelSmoothing, weighted, reduction }) {
    const [logits, targets] = [operand(inputs, 0), operand(inputs, 1)];
    if (logits.rank === 0 || !sameShape(logits.shape, targets.shape)) {
      throw new LorikeetError('shape-mismatch', 'softCrossEntropy: targets do not fit the logits', {
        expected: `probabilities of shape ${formatShape(logits.shape)}, the logits' own`,
        received: formatShape(targets.shape),
      });
    }
    requireWeight('softCrossEntropy', logits, inputs[2]);
    const classes = logits.shape.at(-1) ?? 0;
    const smooth = add(mul(targets, 1 - labelSmoothing), labelSmoothing / classes);
    // A class without any probability has a logarithm of -Infinity, which only counts if it is a target.
    const terms = mul(smooth, where(equal(smooth, 0), 0, logSoftmax(logits)));
    const weight = weighted ? stopGradient(cast(operand(inputs, 2), logits.dtype)) : undefined;
    const losses = neg(sum(weight === undefined ? terms : mul(terms, weight), -1));
    if (reduction === 'none') return losses;
    const rows = Math.max(sizeOf(losses.shape), 1);
    return reduction === 'sum' ? sum(losses) : div(sum(losses), rows);
  },
  sample(draw) {
    const shape = [...draw.shape({ minSide: 1 }), draw.integer(1, 4)];
    const weighted = draw.boolean();
    const weight = { shape: shape.slice(-1), dtype: 'f32', range: [0.5, 2] } as const;
    return {
      inputs: [{ shape }, { shape, range: [0.1, 1] }, ...(weighted ? [weight] : [])],
      attributes: {
        labelSmoothing: draw.pick([0, 0.25]),
        weighted,
        reduction: draw.pick(['mean', 'sum', 'none'] as const),
      },
    };
  },
};

export interface SoftCrossEntropyOptions extends LossOptions {
  /** The part of each target that is spread evenly over all classes. Defaults to 0. */
  readonly labelSmoothing?: number;
  /** [C], what the loss of each class is multiplied with. There is no derivative by it. */
  readonly weight?: Tensor;
}

/**
 * `crossEntropy` with a distribution for a label, such as another model's; in nats. The mean is over rows,
 * whatever their weights.
 *
 * @param logits [..., C]
 * @param targets [..., C], probabilities.
 * @returns a scalar, or [...] if `reduction` is `'none'`.
 * @throws LorikeetError `shape-mismatch` if the shapes differ.
 */
export function softCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: SoftCrossEntropyOptions = {},
): Tensor {
  const { labelSmoothing = 0, weight, reduction = 'mean' } = options;
  return record(softCrossEntropyOp, [logits, targets, ...(weight ? [weight] : [])], {
    labelSmoothing,
    weighted: weight !== undefined,
    reduction,
  });
}
