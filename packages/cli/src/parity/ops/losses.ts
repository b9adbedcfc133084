import * as t from '@lorikeet/tensor-core';
import { get, type Meanings, numberOr } from './meaning.ts';

/** PyTorch's `reduction`, of which the default is the mean. */
function reductionOf(reduction: unknown): { reduction: t.LossReduction } {
  return { reduction: reduction === 'sum' || reduction === 'none' ? reduction : 'mean' };
}

export const losses: Meanings = {
  cross_entropy: (o, p) => {
    const { ignore_index: ignoreIndex, label_smoothing: labelSmoothing, reduction, target } = p;
    const options = {
      ...reductionOf(reduction),
      ...(o.w === undefined ? {} : { weight: o.w }),
      labelSmoothing: numberOr(labelSmoothing, 0),
    };
    const [logits, labels] = [get(o, 'logits'), get(o, 'target')];
    return [
      target === 'probabilities'
        ? t.softCrossEntropy(logits, labels, options)
        : t.crossEntropy(logits, labels, {
            ...options,
            ignoreIndex: numberOr(ignoreIndex, -100),
          }),
    ];
  },
  binary_cross_entropy_with_logits: (o, { reduction }) => [
    t.binaryCrossEntropy(get(o, 'x'), get(o, 't'), reductionOf(reduction)),
  ],
  mse_loss: (o, { reduction }) => [
    t.meanSquaredError(get(o, 'x'), get(o, 't'), reductionOf(reduction)),
  ],
  smooth_l1_loss: (o, { beta, reduction }) => [
    t.smoothL1(get(o, 'x'), get(o, 't'), { beta: numberOr(beta, 1), ...reductionOf(reduction) }),
  ],
  huber_loss: (o, { delta, reduction }) => [
    t.huber(get(o, 'x'), get(o, 't'), { delta: numberOr(delta, 1), ...reductionOf(reduction) }),
  ],
  kl_div: (o, { reduction }) => [
    t.klDivergence(
      get(o, 'logq'),
      get(o, 'p'),
      reduction === 'batchmean' ? { reduction } : reductionOf(reduction),
    ),
  ],
};
