import {
  type Context,
  Embedding,
  type InputSite,
  type LayerNorm,
  normalInitializer,
  type RotaryFrequencies,
  rotation,
} from '@lorikeet/nn';
import { foldIn, iota, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { BaseModel } from '../../heads/headedModel.ts';
import { lookUp } from '../../lookUp.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import { sizesOf } from '../../positions.ts';
import { refusePast } from '../../refusePast.ts';
import { ropeOf } from '../llama/rope.ts';
import { kindOfLayer, type LayerKind, type ModernBertConfig, ropeConfig } from './config.ts';
import { ModernBertLayer, modernBertNorm } from './layer.ts';

class ModernBertEmbeddings {
  readonly tok_embeddings: Embedding;
  readonly norm: LayerNorm;
  readonly padId: number | null;
  readonly dropout: number;

  constructor(words: Embedding, config: ModernBertConfig) {
    this.tok_embeddings = words;
    this.norm = modernBertNorm(config);
    this.padId = config.pad_token_id;
    this.dropout = config.embedding_dropout;
  }

  /** The rows of words, [B, T, D]. */
  embed(ids: Tensor, context: Context): Tensor {
    return lookUp('tok_embeddings', this.tok_embeddings, ids, this.padId, context);
  }

  /** @returns [B, T, D] */
  call(inputs: ModelInputs, context: Context): Tensor {
    const words =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds;
    const normalized = context.call('norm', this.norm, words);
    return context.child('drop').dropout(normalized, this.dropout);
  }
}

/** ModernBERT without a head. Warner et al. 2024, https://arxiv.org/abs/2412.13663 */
export class ModernBertModel implements BaseModel {
  readonly embeddings: ModernBertEmbeddings;
  readonly layers: readonly ModernBertLayer[];
  readonly final_norm: LayerNorm;
  readonly ropes: Readonly<Record<LayerKind, RotaryFrequencies>>;
  readonly config: ModernBertConfig;

  constructor(
    embeddings: ModernBertEmbeddings,
    layers: readonly ModernBertLayer[],
    config: ModernBertConfig,
  ) {
    this.embeddings = embeddings;
    this.layers = layers;
    this.final_norm = modernBertNorm(config);
    this.ropes = {
      full_attention: ropeOf(ropeConfig(config, 'full_attention')),
      sliding_attention: ropeOf(ropeConfig(config, 'sliding_attention')),
    };
    this.config = config;
  }

  static init(config: ModernBertConfig, key: Tensor): ModernBertModel {
    const { vocab_size: numEmbeddings, hidden_size: dimension } = config;
    const initializer = normalInitializer(config.initializer_range);
    const words = Embedding.init({ numEmbeddings, dimension, initializer }, foldIn(key, 'words'));
    return new ModernBertModel(
      new ModernBertEmbeddings(words, config),
      Array.from({ length: config.num_hidden_layers }, (_, i) =>
        ModernBertLayer.init(config, i, foldIn(key, i)),
      ),
      config,
    );
  }

  get inputSite(): InputSite {
    const { hidden_size: width, num_hidden_layers: layers } = this.config;
    const { num_attention_heads: heads } = this.config;
    const sizes = { width, layers, heads, keyValueHeads: heads, headSize: width / heads };
    return { embedding: 'embeddings.tok_embeddings', ...sizes, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.embeddings.embed(ids, context.child('embeddings'));
  }

  /** The last hidden state is normalised. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    refusePast(inputs, 'ModernBERT');
    const positions = inputs.position_ids ?? iota([sizesOf(inputs)[1]], 0);
    const { full_attention: far, sliding_attention: near } = this.ropes;
    const turns = {
      full_attention: rotation(positions, far),
      sliding_attention: rotation(positions, near),
    };
    const mask = keyMask(inputs.attention_mask); // [B, 1, 1, T]
    let state = context.call('embeddings', this.embeddings, inputs);
    const states: Tensor[] = [];
    for (const [i, layer] of this.layers.entries()) {
      states.push(state);
      const turn = turns[kindOfLayer(this.config, i)];
      state = context.call(`layers.${i}`, layer, state, turn, mask);
    }
    const last_hidden_state = context.call('final_norm', this.final_norm, state);
    return { last_hidden_state, hidden_states: [...states, last_hidden_state] };
  }
}
