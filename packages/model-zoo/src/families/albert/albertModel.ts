import type { Context, InputSite, KeyValues, Linear } from '@lorikeet/nn';
import { foldIn, type Tensor, tanh } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { BaseModel } from '../../heads/headedModel.ts';
import { firstToken } from '../../heads/headStep.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import { BertEmbeddings } from '../bert/embeddings.ts';
import { bertLinear } from '../bert/layer.ts';
import type { AlbertConfig } from './config.ts';
import { AlbertLayer } from './layer.ts';

class AlbertLayerGroup {
  readonly albert_layers: readonly AlbertLayer[];

  constructor(layers: readonly AlbertLayer[]) {
    this.albert_layers = layers;
  }

  call(
    x: Tensor,
    mask: Tensor | undefined,
    past: readonly (KeyValues | undefined)[],
    context: Context,
  ): Tensor {
    return this.albert_layers.reduce(
      (state, layer, i) => context.call(`albert_layers.${i}`, layer, state, mask, past[i]),
      x,
    );
  }
}

class AlbertTransformer {
  readonly embedding_hidden_mapping_in: Linear;
  readonly albert_layer_groups: readonly AlbertLayerGroup[];
  readonly length: number;

  constructor(mapping: Linear, groups: readonly AlbertLayerGroup[], length: number) {
    this.embedding_hidden_mapping_in = mapping;
    this.albert_layer_groups = groups;
    this.length = length;
  }

  /** @param x [B, T, E]; the result is [B, T, D] for the input and for each layer. */
  call(
    x: Tensor,
    mask: Tensor | undefined,
    past: readonly KeyValues[] | undefined,
    context: Context,
  ): Tensor[] {
    const { albert_layer_groups: groups, embedding_hidden_mapping_in: mapping } = this;
    let state = context.call('embedding_hidden_mapping_in', mapping, x); // [B, T, D]
    const states = [state];
    for (let i = 0; i < this.length; i++) {
      const index = Math.floor((i * groups.length) / this.length);
      const group = groups[index];
      if (group === undefined) break;
      const inner = group.albert_layers.length;
      const own = group.albert_layers.map((_, j) => past?.[i * inner + j]);
      // In a context of its own: each use of a group drops other numbers.
      const use = context.child(i);
      state = use.call(`albert_layer_groups.${index}`, group, state, mask, own);
      states.push(state);
    }
    return states;
  }
}

/** ALBERT without a head: BERT, whose layers are the same one. Lan et al. 2020, https://arxiv.org/abs/1909.11942 */
export class AlbertModel implements BaseModel {
  readonly embeddings: BertEmbeddings;
  readonly encoder: AlbertTransformer;
  readonly pooler: Linear | null;
  readonly config: AlbertConfig;

  constructor(
    embeddings: BertEmbeddings,
    encoder: AlbertTransformer,
    pooler: Linear | null,
    config: AlbertConfig,
  ) {
    this.embeddings = embeddings;
    this.encoder = encoder;
    this.pooler = pooler;
    this.config = config;
  }

  /** @param hasPooler whether the first token is pooled. */
  static init(config: AlbertConfig, key: Tensor, hasPooler = true): AlbertModel {
    const { embedding_size: narrow, hidden_size: width } = config;
    const groups = Array.from(
      { length: config.num_hidden_groups },
      (_, i) =>
        new AlbertLayerGroup(
          Array.from({ length: config.inner_group_num }, (_unused, j) =>
            AlbertLayer.init(config, foldIn(foldIn(key, i), j)),
          ),
        ),
    );
    const mapping = bertLinear(config, narrow, width, foldIn(key, 'embedding_hidden_mapping_in'));
    return new AlbertModel(
      BertEmbeddings.init(config, foldIn(key, 'embeddings'), { width: narrow }),
      new AlbertTransformer(mapping, groups, config.num_hidden_layers),
      hasPooler ? bertLinear(config, width, width, foldIn(key, 'pooler')) : null,
      config,
    );
  }

  get inputSite(): InputSite {
    const { embedding_size: width, hidden_size, num_hidden_layers, inner_group_num } = this.config;
    const { num_attention_heads: heads } = this.config;
    const layers = num_hidden_layers * inner_group_num;
    const sizes = { layers, heads, keyValueHeads: heads, headSize: hidden_size / heads };
    return { embedding: 'embeddings.word_embeddings', width, ...sizes, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.embeddings.embed(ids, context.child('embeddings'));
  }

  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const { pooler, encoder } = this;
    const words = context.call('embeddings', this.embeddings, inputs); // [B, T, E]
    const mask = keyMask(inputs.attention_mask);
    const hidden_states = context.call('encoder', encoder, words, mask, inputs.past_key_values);
    const last_hidden_state = hidden_states.at(-1) ?? words;
    if (pooler === null) return { last_hidden_state, hidden_states };
    const pooler_output = tanh(context.call('pooler', pooler, firstToken(last_hidden_state)));
    return { last_hidden_state, hidden_states, pooler_output };
  }
}
