import {
  type Context,
  contract,
  type Embedding,
  type InputSite,
  type Linear,
  siteWithin,
  type TakesVectors,
  type TiesWeights,
  tiedPart,
} from '@lorikeet/nn';
import { crossEntropy, foldIn, stopGradient, type Tensor, zeros } from '@lorikeet/tensor-core';
import { decoderInput, seq2seqStates } from '../../encoderDecoder.ts';
import type { BaseModel } from '../../heads/headedModel.ts';
import { keptStates } from '../../keptStates.ts';
import { crossPasts, layerPasts } from '../../layerPasts.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import type { BartConfig } from './config.ts';
import { ownHead } from './ownHead.ts';
import { type BartDesign, BartStack } from './stack.ts';
import { bartTable, bartWords } from './words.ts';

/** BART without a head, or a model of its build. Lewis et al. 2020, https://arxiv.org/abs/1910.13461 */
export class BartModel implements BaseModel, TiesWeights {
  readonly shared: Embedding;
  readonly encoder: BartStack;
  readonly decoder: BartStack;
  readonly config: BartConfig;

  constructor(shared: Embedding, encoder: BartStack, decoder: BartStack, config: BartConfig) {
    this.shared = shared;
    this.encoder = encoder;
    this.decoder = decoder;
    this.config = config;
  }

  static init(config: BartConfig, design: BartDesign, key: Tensor): BartModel {
    const ownsWords = !config.tie_word_embeddings;
    const [encoder, decoder] = [
      { isDecoder: false, ownsWords },
      { isDecoder: true, ownsWords },
    ];
    return new BartModel(
      bartTable(config, foldIn(key, 'shared')),
      BartStack.init(config, design, encoder, foldIn(key, 'encoder')),
      BartStack.init(config, design, decoder, foldIn(key, 'decoder')),
      config,
    );
  }

  get inputSite(): InputSite {
    const { d_model: width, decoder_layers: layers } = this.config;
    const { decoder_attention_heads: heads } = this.config;
    const sizes = { width, layers, heads, keyValueHeads: heads, headSize: width / heads };
    const embedding = this.encoder.embed_tokens === null ? 'shared' : 'encoder.embed_tokens';
    return { embedding, ...sizes, labels: 'rows', hasDecoder: true };
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    if (!this.config.tie_word_embeddings) return {};
    return {
      'encoder.embed_tokens.weight': 'shared.weight',
      'decoder.embed_tokens.weight': 'shared.weight',
    };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.words('encoder', ids, context);
  }

  /** [B, T] to [B, T, D] */
  private words(reader: 'encoder' | 'decoder', ids: Tensor, context: Context): Tensor {
    const { embed_tokens: own } = this[reader];
    return own === null
      ? bartWords(this.config, ['shared', this.shared], ids, context)
      : bartWords(this.config, ['embed_tokens', own], ids, context.child(reader));
  }

  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const { pad_token_id: padding, decoder_start_token_id: start } = this.config;
    const embed = (tokens: Tensor): Tensor => this.words('decoder', tokens, context);
    const { attention_mask: attentionMask } = inputs;
    const [pasts, cross] = [layerPasts(inputs), crossPasts(inputs)];
    const encoder =
      inputs.cross_key_values === undefined
        ? context.call('encoder', this.encoder, {
            words:
              inputs.inputs_embeds === undefined
                ? this.embed(inputs.input_ids, context)
                : inputs.inputs_embeds, // [B, T, D]
            attentionMask,
            positions: inputs.position_ids,
          })
        : undefined;
    const decoder = context.call('decoder', this.decoder, {
      words: decoderInput(inputs, embed, { start, padding, readsInput: true }), // [B, U, D]
      attentionMask: inputs.decoder_attention_mask,
      memory: encoder?.last,
      memoryMask: attentionMask,
      pasts,
      crossPasts: cross,
    });
    const told = { ...pasts.outputs(), ...cross.outputs() };
    return { last_hidden_state: decoder.last, ...seq2seqStates(encoder, decoder), ...told };
  }
}

/** The next token of the decoder. The output layer is the word embedding, unless the config says otherwise. */
export class BartForConditionalGeneration implements Model, TakesVectors, TiesWeights {
  readonly model: BartModel;
  /** [1, V], which no training changes. */
  readonly final_logits_bias: Tensor;
  readonly lm_head: Linear | null;
  readonly config: BartConfig;

  constructor(model: BartModel, bias: Tensor, lmHead: Linear | null, config: BartConfig) {
    this.model = model;
    this.final_logits_bias = bias;
    this.lm_head = lmHead;
    this.config = config;
  }

  static init(config: BartConfig, design: BartDesign, key: Tensor): BartForConditionalGeneration {
    const base = BartModel.init(config, design, foldIn(key, 'model'));
    const bias = zeros([1, config.vocab_size]);
    return new BartForConditionalGeneration(base, bias, ownHead(config, key), config);
  }

  get decoderStart(): number {
    return this.config.decoder_start_token_id;
  }

  get inputSite(): InputSite {
    return siteWithin('model', this.model, 'tokens');
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return this.lm_head === null ? { 'lm_head.weight': 'model.shared.weight' } : {};
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.model.embed(ids, context.child('model'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('model', this.model, inputs);
    const { last_hidden_state, ...states } = base;
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const rows = this.lm_head === null ? tiedPart(this.model.shared.weight) : this.lm_head.weight;
    const own = context.child('lm_head');
    const scores = contract(keptStates(last_hidden_state, inputs), rows, { inputAxis: 1 }, own); // [B, U, V]
    const logits = scores.add(stopGradient(this.final_logits_bias));
    if (inputs.labels === undefined) return { ...states, logits };
    return { ...states, loss: crossEntropy(logits, inputs.labels), logits };
  }
}
