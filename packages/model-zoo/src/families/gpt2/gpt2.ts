import {
  baseOf,
  type Context,
  contract,
  Dropout,
  Embedding,
  LayerNorm,
  normalInitializer,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { nextTokenLoss } from '../../nextTokenLoss.ts';
import { positionsOf } from '../../positions.ts';
import { GPT2Block } from './block.ts';
import type { GPT2Config } from './config.ts';

/** GPT-2 without a head. Radford et al. 2019. */
export class GPT2Model implements Model {
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

  /** The last hidden state is normalised, as in transformers. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const words = context.call('wte', this.wte, inputs.input_ids); // [B, T, D]
    const positions = context.call('wpe', this.wpe, positionsOf(inputs, this.wpe)); // [1 or B, T, D]
    let state = context.call('drop', this.drop, words.add(positions)); // [B, T, D]
    const mask = keyMask(inputs.attention_mask); // [B, 1, 1, T]
    const states: Tensor[] = [];
    for (const [i, block] of this.h.entries()) {
      states.push(state);
      state = context.call(`h.${i}`, block, state, mask);
    }
    const last_hidden_state = context.call('ln_f', this.ln_f, state);
    return { last_hidden_state, hidden_states: [...states, last_hidden_state] };
  }
}

/** The next token. The output layer is the word embedding. */
export class GPT2LMHeadModel implements Model {
  readonly transformer: GPT2Model;
  readonly config: GPT2Config;

  constructor(transformer: GPT2Model, config: GPT2Config) {
    this.transformer = transformer;
    this.config = config;
  }

  static init(config: GPT2Config, key: Tensor): GPT2LMHeadModel {
    return new GPT2LMHeadModel(GPT2Model.init(config, foldIn(key, 'transformer')), config);
  }

  get isCausal(): boolean {
    return true;
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { last_hidden_state, hidden_states } = context.call(
      'transformer',
      this.transformer,
      inputs,
    );
    // Tied to the table itself, under its adapters: see docs/decisions/0010.
    const logits = contract(last_hidden_state, baseOf(this.transformer.wte.weight), {
      inputAxis: 1,
    }); // [B, T, V]
    if (inputs.labels === undefined) return { logits, hidden_states };
    return { loss: nextTokenLoss(logits, inputs.labels), logits, hidden_states };
  }
}
