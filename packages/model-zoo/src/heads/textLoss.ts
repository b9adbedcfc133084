import {
  binaryCrossEntropy,
  crossEntropy,
  isFloat,
  reshape,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { LabelFields, ProblemType } from './labelFields.ts';

/**
 * The loss of a head that tells something of a whole text.
 *
 * @param logits [B, C]
 * @param labels [B] classes for one label, [B, C] of 0 and 1 for any number of them, as many numbers as `logits` has for
 *   regression. Which it is, the config says; else one output is regression, and labels that are floats are many.
 * @returns a scalar
 */
export function textLoss(config: LabelFields, logits: Tensor, labels: Tensor): Tensor {
  switch (problemOf(config, logits, labels)) {
    case 'regression': {
      const error = logits.sub(reshape(labels, logits.shape).cast(logits.dtype));
      return error.mul(error).mean();
    }
    case 'multi_label_classification':
      return binaryCrossEntropy(logits, labels.cast(logits.dtype));
    default:
      return crossEntropy(logits, labels);
  }
}

function problemOf(config: LabelFields, logits: Tensor, labels: Tensor): ProblemType {
  if (config.problem_type) return config.problem_type;
  if (logits.shape[1] === 1) return 'regression';
  return isFloat(labels.dtype) ? 'multi_label_classification' : 'single_label_classification';
}
