import {
  concat,
  equal,
  full,
  LorikeetError,
  sliceAxis,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';
import type { ModelInputs, ModelOutputs } from './model.ts';

/** What an encoder or a decoder gives. */
export interface States {
  /** [B, T, D] */
  readonly last: Tensor;
  /** The embedding's, and one for each layer. */
  readonly states: readonly Tensor[];
}

/** The outputs of an encoder, if it was asked, and a decoder, under transformers' names. */
export function seq2seqStates(encoder: States | undefined, decoder: States): SeqToSeqStates {
  return {
    hidden_states: decoder.states,
    decoder_hidden_states: decoder.states,
    ...(encoder && {
      encoder_hidden_states: encoder.states,
      encoder_last_hidden_state: encoder.last,
    }),
  };
}

type SeqToSeqStates = Pick<
  ModelOutputs,
  'hidden_states' | 'decoder_hidden_states' | 'encoder_hidden_states' | 'encoder_last_hidden_state'
>;

/** The tokens that a decoder starts with, and is filled up with. */
interface DecoderTokens {
  readonly start: number;
  readonly padding: number;
  /** Whether a decoder that is given nothing reads what the encoder does. */
  readonly readsInput?: boolean;
}

/**
 * What a decoder reads: the vectors or tokens given, or the labels moved on by one, behind the token that it starts with.
 *
 * @param embed [B, U] to [B, U, D]
 * @returns [B, U, D]
 * @throws LorikeetError `invalid-argument` if there is nothing to read.
 */
export function decoderInput(
  inputs: ModelInputs,
  embed: (tokens: Tensor) => Tensor,
  { start, padding, readsInput = false }: DecoderTokens,
): Tensor {
  const { decoder_input_ids, decoder_inputs_embeds, labels, input_ids } = inputs;
  if (decoder_inputs_embeds !== undefined) return decoder_inputs_embeds;
  if (decoder_input_ids !== undefined) return embed(decoder_input_ids);
  const next = labels ?? (readsInput ? input_ids : undefined);
  if (next === undefined) {
    throw new LorikeetError('invalid-argument', 'the decoder has nothing to read', {
      expected: 'decoder_input_ids, or labels',
      received: Object.keys(inputs).join(', '),
      hint: 'the decoder starts with decoder_start_token_id',
    });
  }
  const [batch = 0, time = 0] = next.shape;
  const first = full([batch, 1], start, next.dtype);
  const moved = concat([first, sliceAxis(next, 1, 0, time - 1)], 1);
  return embed(where(equal(moved, -100), padding, moved));
}
