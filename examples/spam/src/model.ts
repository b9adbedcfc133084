import type { Model } from '@lorikeet/model-zoo';
import type { Context } from '@lorikeet/nn';
import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { ClassificationInputs } from '@lorikeet/train';

/** [B, classes] */
export function logitsOf(model: Model, inputs: ClassificationInputs, context: Context): Tensor {
  const { logits } = model.call(inputs, context);
  if (logits === undefined) throw new LorikeetError('unsupported', 'the model gives no logits');
  return logits;
}

/** The mean cross-entropy; a scalar. */
export function lossOf(model: Model, inputs: ClassificationInputs, context: Context): Tensor {
  const { loss } = model.call(inputs, context);
  if (loss === undefined) throw new LorikeetError('unsupported', 'the model gives no loss');
  return loss;
}
