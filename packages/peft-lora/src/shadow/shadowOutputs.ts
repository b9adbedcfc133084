import {
  at,
  type Context,
  contract,
  Embedding,
  Linear,
  takesVectors,
  tiedPart,
} from '@lorikeet/nn';
import {
  argmax,
  binaryCrossEntropy,
  cast,
  crossEntropy,
  gather,
  iota,
  isFloat,
  mul,
  notEqual,
  reshape,
  sliceAxis,
  square,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { PromptInputs } from '../prompts/promptInputs.ts';

/** What the shadow says by itself, and how good that is where there are labels. */
export interface ShadowOutputs {
  /** [B, T, V], or [B, L] of a classifier. */
  readonly logits: Tensor;
  readonly loss?: Tensor;
}

/**
 * What the shadow says by itself: the next token, by the model's own output layer, or what a classifier of its own says;
 * `undefined` where there is neither.
 *
 * @param states [B, T, D] of the shadow before the first block.
 * @param head the classifier.
 */
export function shadowOutputs(
  model: object,
  states: Tensor,
  head: Linear | null,
  { labels, attention_mask: mask }: PromptInputs,
  context: Context,
): ShadowOutputs | undefined {
  if (head === null) {
    const logits = wordLogits(model, states, context);
    if (logits === undefined || labels === undefined) return logits && { logits };
    const time = (labels.shape[1] ?? 1) - 1;
    const [told, wanted] = [sliceAxis(logits, 1, 0, time), sliceAxis(labels, 1, 1, time)];
    return { logits, loss: crossEntropy(told, wanted) };
  }
  const logits = head.call(lastStates(states, mask), context); // [B, L]
  if (labels === undefined) return { logits };
  if (logits.shape[1] === 1) {
    const error = sub(reshape(logits, [-1]), cast(reshape(labels, [-1]), logits.dtype));
    return { logits, loss: square(error).mean() };
  }
  const loss = isFloat(labels.dtype)
    ? binaryCrossEntropy(logits, labels)
    : crossEntropy(logits, labels);
  return { logits, loss };
}

/** [B, T, V], by the output layer of the model, or by the table of its words where these are one. */
function wordLogits(model: object, states: Tensor, context: Context): Tensor | undefined {
  const layer: unknown = Reflect.get(model, 'lm_head');
  if (layer instanceof Linear) return layer.call(states, context);
  if (layer !== null || !takesVectors(model)) return undefined;
  const words = at(model, model.inputSite.embedding);
  if (!(words instanceof Embedding)) return undefined;
  return contract(states, tiedPart(words.weight), { inputAxis: 1 }, context);
}

/** The states of the last tokens that are no padding: [B, D]. */
function lastStates(states: Tensor, mask: Tensor | undefined): Tensor {
  const [batch = 0, time = 0] = states.shape;
  if (mask === undefined) return reshape(sliceAxis(states, 1, time - 1, 1), [batch, -1]);
  const last = argmax(mul(cast(notEqual(mask, 0), 'f32'), iota([1, time], 1)), 1); // [B]
  const flat = reshape(states, [batch * time, -1]);
  return gather(flat, iota([batch], 0).cast('i32').mul(time).add(last.cast('i32')));
}
