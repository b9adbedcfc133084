import {
  type Context,
  contract,
  Dropout,
  Embedding,
  type InputSite,
  LayerNorm,
  Linear,
  type MirrorSizes,
  normalInitializer,
  siteWithin,
  type TakesVectors,
  type TiesWeights,
  tiedPart,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import { keptStates } from '../../keptStates.ts';
import { layerPasts } from '../../layerPasts.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { nextTokenLoss } from '../../nextTokenLoss.ts';
import { positionsOf } from '../../positions.ts';
import { GPT2Block } from './block.ts';
import type { GPT2Config } from './config.ts';

/** GPT-2 without a head. Radford et al. 2019. */
export class GPT2Model implements Model, TakesVectors {
  readonly wte: Embedding;
  readonly wpe: Embedding;
  readonly drop: Dropout;
  readonly h: readonly GPT2Block[];
  readonly ln_f: LayerNorm;
  readonly config: GPT2Config;

  constructor(
    wte: Embedding,
    wpe: Embedding,
    drop: Dropout,
    h: readonly GPT2Block[],
    lnF: LayerNorm,
    config: GPT2Config,
  ) {
    this.wte = wte;
    this.wpe = wpe;
    this.drop = drop;
    this.h = h;
    this.ln_f = lnF;
    this.config = config;
  }

  static init(config: GPT2Config, key: Tensor): GPT2Model {
    const initializer = normalInitializer(config.initializer_range);
    const table = (numEmbeddings: number, name: string): Embedding =>
      Embedding.init({ numEmbeddings, dimension: config.n_embd, initializer }, foldIn(key, name));
    return new GPT2Model(
      table(config.vocab_size, 'wte'),
      table(config.n_positions, 'wpe'),
      new Dropout(config.embd_pdrop),
      Array.from({ length: config.n_layer }, (_, i) => GPT2Block.init(config, i, foldIn(key, i))),
      LayerNorm.init(config.n_embd, config.layer_norm_epsilon),
      config,
    );
  }

  get inputSite(): InputSite {
    const { n_embd: width, n_layer: layers, n_head: heads } = this.config;
    const headSize = width / heads;
    const own = { width, layers, heads, keyValueHeads: heads, headSize };
    return { embedding: 'wte', ...own, labels: 'rows', blocks: 'h' };
  }

  mirror({ layers, width, inner, heads }: MirrorSizes, key: Tensor): GPT2Model {
    const { config } = this;
    const sizes = {
      n_layer: layers,
      n_embd: width ?? config.n_embd,
      n_inner: inner ?? config.n_inner,
      n_head: heads ?? config.n_head,
    };
    return GPT2Model.init({ ...config, ...sizes }, key);
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('wte', this.wte, ids);
  }

  /** The last hidden state is normalised, as in transformers. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const words =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, D]
    const positions = context.call('wpe', this.wpe, positionsOf(inputs, this.wpe)); // [1 or B, T, D]
    let state = context.call('drop', this.drop, words.add(positions)); // [B, T, D]
    const mask = keyMask(inputs.attention_mask); // [B, 1, 1, P + T]
    const pasts = layerPasts(inputs);
    const states: Tensor[] = [];
    for (const [i, block] of this.h.entries()) {
      states.push(state);
      state = context.call(`h.${i}`, block, state, mask, pasts.at(i));
    }
    const last_hidden_state = context.call('ln_f', this.ln_f, state);
    const hidden_states = [...states, last_hidden_state];
    return { last_hidden_state, hidden_states, ...pasts.outputs() };
  }
}

/** The next token. The output layer is the word embedding, unless the config says otherwise. */
export class GPT2LMHeadModel implements Model, TakesVectors, TiesWeights {
  readonly transformer: GPT2Model;
  readonly lm_head: Linear | null;
  readonly config: GPT2Config;

  constructor(transformer: GPT2Model, lmHead: Linear | null, config: GPT2Config) {
    this.transformer = transformer;
    this.lm_head = lmHead;
    this.config = config;
  }

  static init(config: GPT2Config, key: Tensor): GPT2LMHeadModel {
    const { n_embd: inFeatures, vocab_size: outFeatures, initializer_range } = config;
    const initializer = normalInitializer(initializer_range);
    const sizes = { inFeatures, outFeatures, bias: false, initializer };
    const lmHead = config.tie_word_embeddings ? null : Linear.init(sizes, foldIn(key, 'lm_head'));
    return new GPT2LMHeadModel(GPT2Model.init(config, foldIn(key, 'transformer')), lmHead, config);
  }

  get isCausal(): boolean {
    return true;
  }

  get inputSite(): InputSite {
    return siteWithin('transformer', this.transformer, 'tokens');
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return this.lm_head === null ? { 'lm_head.weight': 'transformer.wte.weight' } : {};
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.transformer.embed(ids, context.child('transformer'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { last_hidden_state, ...others } = context.call('transformer', this.transformer, inputs);
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const head =
      this.lm_head === null ? tiedPart(this.transformer.wte.weight) : this.lm_head.weight;
    const own = context.child('lm_head');
    const logits = contract(keptStates(last_hidden_state, inputs), head, { inputAxis: 1 }, own); // [B, T, V]
    if (inputs.labels === undefined) return { logits, ...others };
    return { loss: nextTokenLoss(logits, inputs.labels), logits, ...others };
  }
}
