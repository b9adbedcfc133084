import type { Context, KeyValues, RotaryStretch } from '@lorikeet/nn';
import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';

/** Tokens by their numbers. */
interface TokenNumbers {
  /** [B, T] integers */
  readonly input_ids: Tensor;
  readonly inputs_embeds?: undefined;
}

/** Vectors in the place of tokens. */
interface TokenVectors {
  readonly input_ids?: undefined;
  /** [B, T, D] */
  readonly inputs_embeds: Tensor;
}

/** What a model is called with, under transformers' names. B batch, T time, P positions before. */
export type ModelInputs = TokenInputs | (TokenVectors & OtherInputs);

/** Inputs of which the tokens are numbers. */
export type TokenInputs = TokenNumbers & OtherInputs;

interface OtherInputs {
  /** [B, P + T], or [B, C] of a cache; 1 where there is a token, 0 where there is padding. */
  readonly attention_mask?: Tensor;
  /** [B, T] integers */
  readonly token_type_ids?: Tensor;
  /** [B, T] integers; counted from P without them. */
  readonly position_ids?: Tensor;
  /** Keys and values of each layer at P positions before these: of each layer of the decoder, where there is one. */
  readonly past_key_values?: readonly KeyValues[];
  /** Of each layer of a decoder: what it reads of an encoder, which is then not asked. */
  readonly cross_key_values?: readonly KeyValues[];
  /**
   * i32 scalar, where `past_key_values` are buffers of a cache, of C places: those of these tokens go to this place on, and
   * what lies behind them is not seen. Virtual tokens of adapters are in the cache then, and are not put in again.
   */
  readonly cache_position?: Tensor;
  /** Whether the outputs tell keys and values. Defaults to no. */
  readonly use_cache?: boolean;
  /**
   * Which tokens there are to be logits of, from the end if below 0: [N] integers, or [B, N], for each row its own. All of them
   * without it. Of a head that tells something of each token by itself the labels are of these tokens, too.
   */
  readonly logits_to_keep?: Tensor;
  /** Of a model with an encoder and a decoder: what the decoder reads, [B, U] integers; the labels one later without them. */
  readonly decoder_input_ids?: Tensor;
  /** [B, U, D] in the place of `decoder_input_ids`. */
  readonly decoder_inputs_embeds?: Tensor;
  /** [B, P + U]; 1 where there is a token, 0 where there is padding. */
  readonly decoder_attention_mask?: Tensor;
  /** [B] or [B, T] integers, of which -100 does not count; numbers for regression. */
  readonly labels?: Tensor;
  /** [B] integers */
  readonly start_positions?: Tensor;
  /** [B] integers */
  readonly end_positions?: Tensor;
}

/** What a model gives, under transformers' names. */
export interface ModelOutputs {
  /** A scalar, if there were labels. */
  readonly loss?: Tensor;
  readonly logits?: Tensor;
  /** Of each layer, with those before: [B, G, P + T, K], or the buffers of the cache. */
  readonly past_key_values?: readonly KeyValues[];
  readonly cross_key_values?: readonly KeyValues[];
  readonly start_logits?: Tensor;
  readonly end_logits?: Tensor;
  /** Of a base model: [B, T, D] */
  readonly last_hidden_state?: Tensor;
  /** Of a base model with a pooler: [B, D] */
  readonly pooler_output?: Tensor;
  /** [B, T, D] each; the first is the embedding's output. Those of the decoder, where there is one. */
  readonly hidden_states: readonly Tensor[];
  /** Of a model with an encoder and a decoder: [B, T, D] */
  readonly encoder_last_hidden_state?: Tensor;
  /** [B, T, D] each */
  readonly encoder_hidden_states?: readonly Tensor[];
  /** [B, U, D] each */
  readonly decoder_hidden_states?: readonly Tensor[];
}

/** A model, with a head or without. Its tree has the paths of its Hugging Face state dict. */
export interface Model {
  /** The content of its `config.json`, completed with defaults. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether it gives logits for the next token from those before: what generation needs. */
  readonly isCausal?: boolean;
  /** Of a model that gives logits for the next token of its decoder: the number of the token that the decoder starts with. */
  readonly decoderStart?: number;
  /** Of a model whose keys are others in a longer text, so that those of a cache hold for some lengths only: from which on. */
  readonly stretch?: RotaryStretch | undefined;
  call(inputs: ModelInputs, context: Context): ModelOutputs;
}

/** The loss of a call. Throws `invalid-argument` if there were no labels. */
export function lossOf(outputs: ModelOutputs): Tensor {
  return requireOutput(outputs.loss, 'loss', 'give labels with the inputs');
}

/** The logits of a call. Throws `invalid-argument` if the model gives none under this name. */
export function logitsOf(outputs: ModelOutputs): Tensor {
  return requireOutput(
    outputs.logits,
    'logits',
    'a question answering model gives start_logits and end_logits',
  );
}

function requireOutput(output: Tensor | undefined, name: string, hint: string): Tensor {
  if (output !== undefined) return output;
  throw new LorikeetError('invalid-argument', `the model gives no ${name} for these inputs`, {
    hint,
  });
}
