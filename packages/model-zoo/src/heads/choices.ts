import { crossEntropy, LorikeetError, reshape, Tensor } from '@lorikeet/tensor-core';
import type { ModelInputs, ModelOutputs } from '../model.ts';

/**
 * The inputs of a question with several answers to choose from as a batch of texts.
 *
 * @param inputs of which tokens, masks, types and positions are [B, C, T].
 * @returns the same with [B * C, T], without labels.
 * @throws LorikeetError `shape-mismatch`
 */
export function choicesApart(inputs: ModelInputs): ModelInputs {
  const { labels: _, input_ids, inputs_embeds, ...others } = inputs;
  const sequences = input_ids ?? inputs_embeds;
  if (sequences.rank !== (input_ids === undefined ? 4 : 3))
    throw new LorikeetError('shape-mismatch', 'multiple choice: the tokens of each answer', {
      expected: '[batch, choices, time]',
      received: `[${sequences.shape.join(', ')}]`,
    });
  const flat = (x: Tensor): Tensor =>
    reshape(x, [(x.shape[0] ?? 0) * (x.shape[1] ?? 0), ...x.shape.slice(2)]);
  const rest = Object.fromEntries(
    Object.entries(others).map(([name, x]) => [name, x instanceof Tensor ? flat(x) : x]),
  );
  return input_ids === undefined
    ? { ...rest, inputs_embeds: flat(inputs_embeds) }
    : { ...rest, input_ids: flat(input_ids) };
}

/** @param scores [B * C, 1]; the logits are [B, C]. */
export function choice(
  scores: Tensor,
  { input_ids, inputs_embeds, labels }: ModelInputs,
): Pick<ModelOutputs, 'loss' | 'logits'> {
  const [batch = 0, count = 0] = (input_ids ?? inputs_embeds).shape;
  const logits = reshape(scores, [batch, count]);
  return labels === undefined ? { logits } : { loss: crossEntropy(logits, labels), logits };
}
