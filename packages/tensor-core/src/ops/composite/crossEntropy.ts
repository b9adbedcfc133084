import { isInteger, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { equal } from '../binary/equal.ts';
import { maximum } from '../binary/maximum.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { where } from '../binary/where.ts';
import { oneHot } from '../index/oneHot.ts';
import { reshape } from '../movement/reshape.ts';
import { sum } from '../reduce/sum.ts';
import { cast } from '../unary/cast.ts';
import { logicalNot } from '../unary/logicalNot.ts';
import { neg } from '../unary/neg.ts';
import { logSoftmax } from './logSoftmax.ts';
import { softmax } from './softmax.ts';

export type CrossEntropyAttributes = { readonly ignoreIndex: number };

export const crossEntropyOp: Composite<CrossEntropyAttributes> = {
  kind: 'composite',
  name: 'crossEntropy',
  body(inputs, { ignoreIndex }) {
    const [logits, labels] = [operand(inputs, 0), operand(inputs, 1)];
    requireDType('crossEntropy', labels.dtype, isInteger, 'labels');
    if (logits.rank === 0 || !sameShape(labels.shape, logits.shape.slice(0, -1))) {
      throw new LorikeetError('shape-mismatch', 'crossEntropy: labels do not fit the logits', {
        expected: `labels of shape ${formatShape(logits.shape.slice(0, -1))}, the logits' without the last axis`,
        received: formatShape(labels.shape),
      });
    }
    const { valid, count } = counted(labels, ignoreIndex, logits);
    // Chosen, not multiplied by 0 and 1: a class without any probability has a logarithm of -Infinity.
    const isLabel = oneHot(labels, logits.shape.at(-1) ?? 0, 'bool');
    const chosen = where(isLabel, logSoftmax(logits), 0);
    return neg(div(sum(where(valid, sum(chosen, -1), 0)), count));
  },
  derivative({ inputs, gradient, attributes: { ignoreIndex } }) {
    const [logits, labels] = [operand(inputs, 0), operand(inputs, 1)];
    const { valid, count } = counted(labels, ignoreIndex, logits);
    const error = sub(softmax(logits), oneHot(labels, logits.shape.at(-1) ?? 0, logits.dtype));
    const isCounted = reshape(valid, [...valid.shape, 1]);
    return [mul(where(isCounted, error, 0), div(gradient, count)), null];
  },
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    const classes = draw.integer(1, 4);
    return {
      inputs: [{ shape: [...shape, classes] }, { shape, dtype: 'i32', range: [0, classes - 1] }],
      attributes: { ignoreIndex: draw.pick([-100, 0]) },
    };
  },
};

/**
 * The mean over all labels of the negative logarithm of the probability that `softmax(logits)` gives to
 * the label; in nats.
 *
 * @param logits [..., C]
 * @param labels [...] integers from 0 to C - 1; those equal to `ignoreIndex` do not count. If none counts, the loss is 0.
 * @returns a scalar
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: { readonly ignoreIndex?: number } = {},
): Tensor {
  return record(crossEntropyOp, [logits, labels], { ignoreIndex: options.ignoreIndex ?? -100 });
}

function counted(
  labels: Tensor,
  ignoreIndex: number,
  logits: Tensor,
): { valid: Tensor; count: Tensor } {
  const valid = logicalNot(equal(cast(labels, 'i32'), ignoreIndex));
  return { valid, count: maximum(sum(cast(valid, logits.dtype)), 1) };
}
