import {
  type Context,
  contract,
  Embedding,
  type InputSite,
  Linear,
  normalInitializer,
  type TakesVectors,
  type TiesWeights,
  tiedPart,
} from '@lorikeet/nn';
import { crossEntropy, foldIn, type Tensor } from '@lorikeet/tensor-core';
import { decoderInput, type States, seq2seqStates } from '../../encoderDecoder.ts';
import { keptStates } from '../../keptStates.ts';
import { crossPasts, layerPasts } from '../../layerPasts.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { decoderLayers, isTied, type T5Config } from './config.ts';
import { T5Stack } from './stack.ts';

/** What all models of the family have: words, and an encoder. */
abstract class OnT5 implements Model, TakesVectors, TiesWeights {
  readonly shared: Embedding;
  readonly encoder: T5Stack;
  readonly config: T5Config;

  constructor(shared: Embedding, encoder: T5Stack, config: T5Config) {
    this.shared = shared;
    this.encoder = encoder;
    this.config = config;
  }

  get inputSite(): InputSite {
    const { d_model: width, d_kv: headSize, num_heads: heads } = this.config;
    const sizes = { width, heads, keyValueHeads: heads, headSize };
    return {
      embedding: 'shared',
      ...sizes,
      layers: decoderLayers(this.config),
      labels: 'tokens',
      hasDecoder: true,
    };
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return { 'encoder.embed_tokens.weight': 'shared.weight' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('shared', this.shared, ids);
  }

  abstract call(inputs: ModelInputs, context: Context): ModelOutputs;

  protected encode(inputs: ModelInputs, context: Context): States {
    const x =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, D]
    return context.call('encoder', this.encoder, { x, attentionMask: inputs.attention_mask });
  }
}

/** The encoder alone. Raffel et al. 2020, https://arxiv.org/abs/1910.10683 */
export class T5EncoderModel extends OnT5 {
  static init(config: T5Config, key: Tensor): T5EncoderModel {
    const encoder = T5Stack.init(config, false, foldIn(key, 'encoder'));
    return new T5EncoderModel(words(config, key), encoder, config);
  }

  override get inputSite(): InputSite {
    const { num_layers: layers } = this.config;
    return { ...super.inputSite, layers, labels: 'rows', hasDecoder: false };
  }

  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const { last, states } = this.encode(inputs, context);
    return { last_hidden_state: last, hidden_states: states };
  }
}

/** Encoder and decoder without a head. */
export class T5Model extends OnT5 {
  readonly decoder: T5Stack;

  constructor(shared: Embedding, encoder: T5Stack, decoder: T5Stack, config: T5Config) {
    super(shared, encoder, config);
    this.decoder = decoder;
  }

  static init(config: T5Config, key: Tensor): T5Model {
    return new T5Model(words(config, key), ...stacks(config, key), config);
  }

  override get tiedWeights(): Readonly<Record<string, string>> {
    return { ...super.tiedWeights, 'decoder.embed_tokens.weight': 'shared.weight' };
  }

  /** Whether a decoder that is given nothing reads what the encoder does. */
  protected get readsInput(): boolean {
    return false;
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { decoder, states } = this.read(inputs, context);
    return { last_hidden_state: decoder.last, ...states };
  }

  protected read(
    inputs: ModelInputs,
    context: Context,
  ): { readonly decoder: States; readonly states: Omit<ModelOutputs, 'logits'> } {
    const [pasts, cross] = [layerPasts(inputs), crossPasts(inputs)];
    const encoder =
      inputs.cross_key_values === undefined ? this.encode(inputs, context) : undefined;
    const { decoder_start_token_id: start, pad_token_id: padding } = this.config;
    const embed = (tokens: Tensor): Tensor => this.embed(tokens, context.child('decoder'));
    const decoder = context.call('decoder', this.decoder, {
      x: decoderInput(inputs, embed, { start, padding, readsInput: this.readsInput }), // [B, U, D]
      attentionMask: inputs.decoder_attention_mask,
      memory: encoder?.last,
      memoryMask: inputs.attention_mask,
      pasts,
      crossPasts: cross,
    });
    const told = { ...pasts.outputs(), ...cross.outputs() };
    return { decoder, states: { ...seq2seqStates(encoder, decoder), ...told } };
  }
}

/** The next token of the decoder. Version 1.0 ties its output layer to the embedding. */
export class T5ForConditionalGeneration extends T5Model {
  readonly lm_head: Linear | null;

  constructor(base: T5Model, lmHead: Linear | null) {
    super(base.shared, base.encoder, base.decoder, base.config);
    this.lm_head = lmHead;
  }

  static override init(config: T5Config, key: Tensor): T5ForConditionalGeneration {
    const sizes = { inFeatures: config.d_model, outFeatures: config.vocab_size, bias: false };
    const initializer = normalInitializer(config.initializer_factor);
    return new T5ForConditionalGeneration(
      T5Model.init(config, key),
      isTied(config) ? null : Linear.init({ ...sizes, initializer }, foldIn(key, 'lm_head')),
    );
  }

  get decoderStart(): number {
    return this.config.decoder_start_token_id;
  }

  override get tiedWeights(): Readonly<Record<string, string>> {
    const tied = this.lm_head === null ? { 'lm_head.weight': 'shared.weight' } : {};
    return { ...super.tiedWeights, ...tied };
  }

  override call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { decoder, states } = this.read(inputs, context);
    const logits = this.logits(keptStates(decoder.last, inputs), context); // [B, N, V]
    if (inputs.labels === undefined) return { logits, ...states };
    return { loss: crossEntropy(logits, inputs.labels), logits, ...states };
  }

  private logits(x: Tensor, context: Context): Tensor {
    if (this.lm_head !== null) return context.call('lm_head', this.lm_head, x);
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const rows = tiedPart(this.shared.weight);
    const scaled = x.div(Math.sqrt(this.config.d_model));
    return contract(scaled, rows, { inputAxis: 1 }, context.child('lm_head'));
  }
}

function words(config: T5Config, key: Tensor): Embedding {
  const { vocab_size: numEmbeddings, d_model: dimension, initializer_factor } = config;
  const initializer = normalInitializer(initializer_factor);
  return Embedding.init({ numEmbeddings, dimension, initializer }, foldIn(key, 'shared'));
}

function stacks(config: T5Config, key: Tensor): [encoder: T5Stack, decoder: T5Stack] {
  return [
    T5Stack.init(config, false, foldIn(key, 'encoder')),
    T5Stack.init(config, true, foldIn(key, 'decoder')),
  ];
}
