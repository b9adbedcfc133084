import { isInteger, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { LossOptions, LossReduction } from '../../lossReduction.ts';
import type { Composite, Draw, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { equal } from '../binary/equal.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { where } from '../binary/where.ts';
import { ones } from '../create/full.ts';
import { gather } from '../index/gather.ts';
import { oneHot } from '../index/oneHot.ts';
import { putAlongAxis } from '../index/putAlongAxis.ts';
import { takeAlongAxis } from '../index/takeAlongAxis.ts';
import { expandDims } from '../movement/expandDims.ts';
import { squeeze } from '../movement/squeeze.ts';
import { sum } from '../reduce/sum.ts';
import { cast } from '../unary/cast.ts';
import { logicalNot } from '../unary/logicalNot.ts';
import { neg } from '../unary/neg.ts';
import { stopGradient } from '../unary/stopGradient.ts';
import { logSoftmax } from './logSoftmax.ts';
import { logSumExp } from './logSumExp.ts';
import { softmax } from './softmax.ts';

/** The operands are logits, labels and, if `weighted`, the weights of the classes. */
export type CrossEntropyAttributes = {
  readonly ignoreIndex: number;
  /** The part of each label that is spread evenly over all classes. */
  readonly labelSmoothing: number;
  readonly weighted: boolean;
  readonly reduction: LossReduction;
};

export const crossEntropyOp: Composite<CrossEntropyAttributes> = {
  kind: 'composite',
  name: 'crossEntropy',
  body(inputs, attributes) {
    requireFit(inputs);
    const logits = operand(inputs, 0);
    const { isCounted, share } = counts(inputs, attributes);
    const surprise = isPlain(attributes)
      ? sub(logSumExp(logits), squeeze(takeAlongAxis(logits, places(inputs, isCounted)), -1))
      : neg(sum(weightedTerms(logits, targetOf(inputs, attributes)), -1));
    const losses = where(isCounted, surprise, 0);
    return attributes.reduction === 'none' ? losses : mul(sum(losses), share);
  },
  derivative({ inputs, gradient, attributes }) {
    const { isCounted, share } = counts(inputs, attributes);
    const likely = softmax(operand(inputs, 0));
    const error = isPlain(attributes)
      ? putAlongAxis(likely, places(inputs, isCounted), -1, -1, { mode: 'add' })
      : weightedError(likely, targetOf(inputs, attributes));
    const outer = attributes.reduction === 'none' ? gradient : mul(gradient, share);
    const slope = mul(error, expandDims(where(isCounted, outer, 0), -1));
    return [slope, ...inputs.slice(1).map(() => null)];
  },
  sample: sampleCrossEntropy,
};

function sampleCrossEntropy(draw: Draw): Sample<CrossEntropyAttributes> {
  const shape = draw.shape({ minSide: 1 });
  const classes = draw.integer(1, 4);
  const weighted = draw.boolean();
  return {
    inputs: [
      { shape: [...shape, classes] },
      { shape, dtype: 'i32', range: [0, classes - 1] },
      ...(weighted ? [{ shape: [classes], dtype: 'f32', range: [0.5, 2] } as const] : []),
    ],
    attributes: {
      ignoreIndex: draw.pick([-100, 0]),
      labelSmoothing: draw.pick([0, 0.25]),
      weighted,
      reduction: draw.pick(['mean', 'sum', 'none'] as const),
    },
  };
}

export interface CrossEntropyOptions extends LossOptions {
  /** Labels equal to this do not count. Defaults to -100. */
  readonly ignoreIndex?: number;
  /** The part of each label that is spread evenly over all classes. Defaults to 0. */
  readonly labelSmoothing?: number;
  /** [C], what the loss of each class is multiplied with. There is no derivative by it. */
  readonly weight?: Tensor;
}

/**
 * The negative logarithm of the probability that `softmax(logits)` gives to the label, in nats; by default the
 * mean over all labels that count, weighted by their classes. As PyTorch's, but 0 if no label counts.
 *
 * @param logits [..., C]
 * @param labels [...] integers from 0 to C - 1.
 * @returns a scalar, or [...] if `reduction` is `'none'`.
 * @throws LorikeetError `shape-mismatch` if the labels are not of the logits' shape without the last axis.
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const { ignoreIndex = -100, labelSmoothing = 0, weight, reduction = 'mean' } = options;
  return record(crossEntropyOp, [logits, labels, ...(weight ? [weight] : [])], {
    ignoreIndex,
    labelSmoothing,
    weighted: weight !== undefined,
    reduction,
  });
}

function requireFit(inputs: readonly Tensor[]): void {
  const [logits, labels] = [operand(inputs, 0), operand(inputs, 1)];
  requireDType('crossEntropy', labels.dtype, isInteger, 'labels');
  if (logits.rank === 0 || !sameShape(labels.shape, logits.shape.slice(0, -1))) {
    throw new LorikeetError(
      'shape-mismatch',
      `crossEntropy: labels ${formatShape(labels.shape)} do not fit logits ${formatShape(logits.shape)}`,
      {
        expected: `labels of shape ${formatShape(logits.shape.slice(0, -1))}, the logits' without the last axis`,
        received: formatShape(labels.shape),
      },
    );
  }
  requireWeight('crossEntropy', logits, inputs[2]);
}

/** Refuses weights that are not one for each class. */
export function requireWeight(op: string, logits: Tensor, weight: Tensor | undefined): void {
  const classes = logits.shape.slice(-1);
  if (weight === undefined || sameShape(weight.shape, classes)) return;
  throw new LorikeetError('shape-mismatch', `${op}: the weights do not fit the logits`, {
    expected: `${formatShape(classes)}, one for each class of ${formatShape(logits.shape)}`,
    received: formatShape(weight.shape),
  });
}

/** Whether each label counts once, and in one class. */
function isPlain({ weighted, labelSmoothing }: CrossEntropyAttributes): boolean {
  return !weighted && labelSmoothing === 0;
}

/** Where the labels stand, [..., 1]; what does not count stands at the first class. */
function places(inputs: readonly Tensor[], isCounted: Tensor): Tensor {
  return expandDims(where(isCounted, cast(operand(inputs, 1), 'i32'), 0), -1);
}

function weightedTerms(logits: Tensor, target: Tensor): Tensor {
  // Chosen, not multiplied by 0: a class without any probability has a logarithm of -Infinity.
  return where(equal(target, 0), 0, mul(target, logSoftmax(logits)));
}

function weightedError(likely: Tensor, target: Tensor): Tensor {
  return sub(mul(likely, sum(target, -1, { keepAxes: true })), target);
}

/** What each class is to have. */
function targetOf(inputs: readonly Tensor[], { labelSmoothing }: CrossEntropyAttributes): Tensor {
  const [logits, labels] = [operand(inputs, 0), operand(inputs, 1)];
  const classes = logits.shape.at(-1) ?? 0;
  const one = cast(oneHot(labels, classes, 'bool'), logits.dtype);
  const weight = weightOf(inputs, logits);
  const ofLabel = weight === undefined ? one : mul(one, weight);
  const spread = mul(weight ?? ones([classes], logits.dtype), labelSmoothing / classes);
  return labelSmoothing === 0 ? ofLabel : add(mul(ofLabel, 1 - labelSmoothing), spread);
}

function weightOf(inputs: readonly Tensor[], { dtype }: Tensor): Tensor | undefined {
  const [, , weight] = inputs;
  return weight && stopGradient(cast(weight, dtype));
}

/** Which labels count, and what their sum is multiplied with. */
function counts(
  inputs: readonly Tensor[],
  { ignoreIndex, reduction }: CrossEntropyAttributes,
): { isCounted: Tensor; share: Tensor } {
  const [logits, labels] = [operand(inputs, 0), operand(inputs, 1)];
  const isCounted = logicalNot(equal(cast(labels, 'i32'), ignoreIndex));
  if (reduction !== 'mean') return { isCounted, share: ones([], logits.dtype) };
  const weight = weightOf(inputs, logits);
  const each =
    weight === undefined
      ? ones(labels.shape, logits.dtype)
      : gather(weight, where(isCounted, cast(labels, 'i32'), 0));
  const total = sum(where(isCounted, each, 0));
  return { isCounted, share: div(1, where(equal(total, 0), 1, total)) };
}
