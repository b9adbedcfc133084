import type { Context } from '@lorikeet/nn';
import {
  cast,
  concat,
  full,
  iota,
  ones,
  sliceAxis,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { modelOf, type PromptInputs, promptInputsOf } from './promptInputs.ts';

/**
 * The inputs of a model with vectors before those of its tokens. These take the first positions and token type 0, are
 * seen by all, and have no labels; where tokens are told by their place, the place moves along.
 *
 * A model with a decoder keeps its labels, which are the decoder's. In a cache the vectors are already.
 *
 * @param prompt [P, D], or [B, P, D]; [2P, D] for a model with a decoder, of which the second half is not read.
 */
export function addPrompt(
  module: object,
  inputs: readonly unknown[],
  prompt: Tensor,
  context: Context,
): PromptInputs {
  const model = modelOf(module);
  const { input_ids, task_ids: _, ...given } = promptInputsOf(inputs);
  if (given.cache_position !== undefined) return { ...given, input_ids };
  const words = given.inputs_embeds ?? (input_ids && model.embed(input_ids, context));
  if (words === undefined) return given;
  const [batch = 0, time = 0, width = 0] = words.shape;
  const { hasDecoder = false, labels: labelled } = model.inputSite;
  const stored = prompt.shape.at(-2) ?? 0;
  const length = hasDecoder ? stored / 2 : stored; // P
  const read = hasDecoder ? sliceAxis(prompt, -2, 0, length) : prompt;
  const own = cast(read, words.dtype).broadcastTo([batch, length, width]);
  const before = (tensor: Tensor, value: number): Tensor =>
    concat([full([tensor.shape[0] ?? 1, length], value, tensor.dtype), tensor], 1);
  const moved = (tensor: Tensor): Tensor => tensor.add(length);
  const { attention_mask, token_type_ids, position_ids, labels } = given;
  const { start_positions, end_positions } = given;
  const isByToken =
    !hasDecoder && labels !== undefined && labels.shape[1] === time && labelled === 'tokens';
  return {
    ...given,
    inputs_embeds: concat([own, words], 1), // [B, P + T, D]
    ...(attention_mask && { attention_mask: before(attention_mask, 1) }),
    ...(token_type_ids && { token_type_ids: before(token_type_ids, 0) }),
    ...(position_ids && { position_ids: placed(position_ids, length) }),
    ...(isByToken && { labels: before(labels, -100) }),
    ...(start_positions && { start_positions: moved(start_positions) }),
    ...(end_positions && { end_positions: moved(end_positions) }),
  };
}

/** [B, P + T]: the virtual tokens from 0, the others after them. */
function placed(positions: Tensor, length: number): Tensor {
  const [batch = 1] = positions.shape;
  const own = iota([batch, length], 1).cast(positions.dtype);
  return concat([own, positions.add(length)], 1);
}

/**
 * The inputs of a model with keys and values before those of its tokens, which take the positions after them.
 *
 * @param prefix [P, 2 L G K], in which 2i and 2i + 1 are the keys and values of layer i. Of a decoder beside an encoder: 4i
 *   and 4i + 1, from the start again where there are no more. PEFT's layout has places for the cross attention, and
 *   leaves what is there unused: files keep their meaning.
 */
export function addPrefix(
  module: object,
  inputs: readonly unknown[],
  prefix: Tensor,
): PromptInputs {
  const { layers, keyValueHeads: heads, headSize, hasDecoder = false } = modelOf(module).inputSite;
  const { task_ids: _, ...given } = promptInputsOf(inputs);
  if (given.cache_position !== undefined) return given;
  const { position_ids, past_key_values: past } = given;
  const field = hasDecoder ? 'decoder_attention_mask' : 'attention_mask';
  const mask = given[field];
  const [batch = 0, time = 0] = (given.inputs_embeds ?? given.input_ids ?? zeros([0, 0])).shape;
  const length = prefix.shape[0] ?? 0;
  const parts = prefix.reshape([length, 2 * layers, heads, headSize]).permute([1, 2, 0, 3]); // [2L, G, P, K]
  const part = (index: number): Tensor =>
    sliceAxis(parts, 0, index, 1).broadcastTo([batch, heads, length, headSize]);
  const before = past?.[0]?.key.shape[2] ?? 0;
  const seen =
    mask ?? (before === 0 || hasDecoder ? undefined : ones([batch, before + time], 'i32'));
  const first = (layer: number): number => (hasDecoder ? (4 * layer) % (2 * layers) : 2 * layer);
  return {
    ...given,
    past_key_values: Array.from({ length: layers }, (_unused, i) => {
      const own = { key: part(first(i)), value: part(first(i) + 1) };
      const later = past?.[i];
      if (later === undefined) return own;
      return {
        key: concat([own.key, later.key], 2),
        value: concat([own.value, later.value], 2),
      };
    }),
    ...(seen && { [field]: concat([full([batch, length], 1, seen.dtype), seen], 1) }),
    ...(position_ids && { position_ids: position_ids.add(length) }),
  };
}
