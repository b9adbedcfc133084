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
import { sub } from '../binary/sub.ts';
import { where } from '../binary/where.ts';
import { expandDims } from '../movement/expandDims.ts';
import { sum } from '../reduce/sum.ts';
import { cast } from '../unary/cast.ts';
import { neg } from '../unary/neg.ts';
import { stopGradient } from '../unary/stopGradient.ts';
import { requireWeight } from './crossEntropy.ts';
import { logSoftmax } from './logSoftmax.ts';
import { softmax } from './softmax.ts';

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
    requireFit(inputs);
    const smooth = smoothed(targets, labelSmoothing);
    // A class without any probability has a logarithm of -Infinity, which only counts if it is a target.
    const chosen = where(equal(stopGradient(smooth), 0), 0, mul(smooth, logSoftmax(logits)));
    const weight = weighted ? stopGradient(cast(operand(inputs, 2), logits.dtype)) : undefined;
    const losses = neg(sum(weight === undefined ? chosen : mul(chosen, weight), -1));
    if (reduction === 'none') return losses;
    return reduction === 'sum' ? sum(losses) : div(sum(losses), rowsOf(logits));
  },
  // Written out, since a target of 0 has a derivative too.
  derivative({ inputs, gradient, attributes: { labelSmoothing, weighted, reduction } }) {
    const [logits, targets] = [operand(inputs, 0), operand(inputs, 1)];
    const smooth = smoothed(targets, labelSmoothing);
    const weight = weighted ? stopGradient(cast(operand(inputs, 2), logits.dtype)) : undefined;
    const counted = weight === undefined ? smooth : mul(smooth, weight);
    const total = sum(counted, -1, { keepAxes: true });
    const share = reduction === 'mean' ? div(gradient, rowsOf(logits)) : gradient;
    const outer = reduction === 'none' ? expandDims(share, -1) : share;
    const nats = mul(logSoftmax(logits), labelSmoothing - 1);
    return [
      mul(sub(mul(softmax(logits), total), counted), outer),
      mul(weight === undefined ? nats : mul(nats, weight), outer),
      ...(weighted ? [null] : []),
    ];
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

function requireFit(inputs: readonly Tensor[]): void {
  const [logits, targets] = [operand(inputs, 0), operand(inputs, 1)];
  if (logits.rank === 0 || !sameShape(logits.shape, targets.shape)) {
    throw new LorikeetError(
      'shape-mismatch',
      `softCrossEntropy: targets ${formatShape(targets.shape)} do not fit logits ${formatShape(logits.shape)}`,
      {
        expected: `probabilities of shape ${formatShape(logits.shape)}, with an axis of classes`,
        received: formatShape(targets.shape),
      },
    );
  }
  requireWeight('softCrossEntropy', logits, inputs[2]);
}

function smoothed(targets: Tensor, labelSmoothing: number): Tensor {
  const classes = targets.shape.at(-1) ?? 0;
  return add(mul(targets, 1 - labelSmoothing), labelSmoothing / classes);
}

function rowsOf(logits: Tensor): number {
  return Math.max(sizeOf(logits.shape.slice(0, -1)), 1);
}
