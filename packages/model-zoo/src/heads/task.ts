import type { InputSite } from '@lorikeet/nn';
import { binaryCrossEntropy, crossEntropy, reshape, type Tensor } from '@lorikeet/tensor-core';
import type { ModelInputs, ModelOutputs } from '../model.ts';
import { nextTokenLoss } from '../nextTokenLoss.ts';
import { choice, choicesApart } from './choices.ts';
import type { LabelFields } from './labelFields.ts';
import { spans } from './spans.ts';
import { textLoss } from './textLoss.ts';

/** What a head tells. */
export interface Task {
  /** Whether labels belong to tokens or to rows. */
  readonly labels: InputSite['labels'];
  /** Whether it tells the next token from those before. */
  readonly isCausal?: boolean;
  /** What the base is called with, if not with the inputs as they are. */
  readonly inputs?: (inputs: ModelInputs) => ModelInputs;
  /** @param scores what the last layer of the head gives. */
  readonly outputs: (
    scores: Tensor,
    inputs: ModelInputs,
    config: LabelFields,
  ) => Omit<ModelOutputs, 'hidden_states'>;
}

/** A class, or numbers, for a whole text. */
export const textTask: Task = {
  labels: 'rows',
  outputs: (logits, { labels }, config) =>
    labels === undefined ? { logits } : { loss: textLoss(config, logits, labels), logits }, // [B, C]
};

/** A class for each token. */
export const tokenTask: Task = {
  labels: 'tokens',
  outputs: (logits, { labels }) =>
    labels === undefined ? { logits } : { loss: crossEntropy(logits, labels), logits }, // [B, T, C]
};

/** The first and the last token of an answer in the text. */
export const spanTask: Task = {
  labels: 'rows',
  outputs: (scores, inputs) => spans(scores, inputs),
};

/** One of several answers to a question, whose tokens are [B, C, T]. */
export const choiceTask: Task = {
  labels: 'rows',
  inputs: choicesApart,
  outputs: (scores, inputs) => choice(scores, inputs),
};

/** The next token, from those before it. */
export const nextTask: Task = {
  labels: 'tokens',
  isCausal: true,
  outputs: (logits, { labels }) =>
    labels === undefined ? { logits } : { loss: nextTokenLoss(logits, labels), logits }, // [B, T, V]
};

/** Whether each token was replaced: [B, T], and not where the mask is 0. */
export const replacedTask: Task = {
  labels: 'tokens',
  outputs: (scores, { labels, attention_mask: mask }) => {
    const logits = reshape(scores, scores.shape.slice(0, -1)); // [B, T, 1] to [B, T]
    if (labels === undefined) return { logits };
    const wanted = labels.cast(logits.dtype);
    if (mask === undefined) return { logits, loss: binaryCrossEntropy(logits, wanted) };
    const weight = mask.cast(logits.dtype);
    const sum = binaryCrossEntropy(logits, wanted, { weight, reduction: 'sum' });
    return { logits, loss: sum.div(weight.sum()) };
  },
};
