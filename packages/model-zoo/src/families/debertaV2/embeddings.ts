import {
  type Context,
  Dropout,
  Embedding,
  LayerNorm,
  type Linear,
  normalInitializer,
} from '@lorikeet/nn';
import { foldIn, reshape, type Tensor, zeros } from '@lorikeet/tensor-core';
import { headLinear } from '../../heads/textHeads.ts';
import { lookUp } from '../../lookUp.ts';
import type { ModelInputs } from '../../model.ts';
import { positionsOf, sizesOf } from '../../positions.ts';
import type { DebertaConfig } from './config.ts';

interface Tables {
  readonly words: Embedding;
  readonly positions: Embedding | null;
  readonly types: Embedding | null;
}

/** Words, and positions and token types where a config has them, added, normalised, and 0 for padding. */
export class DebertaEmbeddings {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding | null;
  readonly token_type_embeddings: Embedding | null;
  readonly embed_proj: Linear | null;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  readonly padId: number | null;

  constructor(tables: Tables, projection: Linear | null, config: DebertaConfig) {
    this.word_embeddings = tables.words;
    this.position_embeddings = tables.positions;
    this.token_type_embeddings = tables.types;
    this.embed_proj = projection;
    this.LayerNorm = LayerNorm.init(config.hidden_size, config.layer_norm_eps);
    this.dropout = new Dropout(config.hidden_dropout_prob);
    this.padId = config.pad_token_id;
  }

  static init(config: DebertaConfig, key: Tensor): DebertaEmbeddings {
    const { hidden_size: width, type_vocab_size: types } = config;
    const dimension = config.embedding_size ?? width;
    const initializer = normalInitializer(config.initializer_range);
    const table = (numEmbeddings: number, name: string): Embedding =>
      Embedding.init({ numEmbeddings, dimension, initializer }, foldIn(key, name));
    return new DebertaEmbeddings(
      {
        words: table(config.vocab_size, 'words'),
        positions: config.position_biased_input
          ? table(config.max_position_embeddings, 'positions')
          : null,
        types: types > 0 ? table(types, 'types') : null,
      },
      dimension === width
        ? null
        : headLinear(config, [dimension, width], foldIn(key, 'embed_proj'), false),
      config,
    );
  }

  /** The rows of words, [B, T, E]. */
  embed(ids: Tensor, context: Context): Tensor {
    return lookUp('word_embeddings', this.word_embeddings, ids, this.padId, context);
  }

  /** @returns [B, T, D] */
  call(inputs: ModelInputs, context: Context): Tensor {
    const words =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, E]
    const { position_embeddings: places, token_type_embeddings: types, embed_proj: widen } = this;
    const all = [
      words,
      places && context.call('position_embeddings', places, positionsOf(inputs, places)),
      types &&
        context.call(
          'token_type_embeddings',
          types,
          inputs.token_type_ids ?? zeros(sizesOf(inputs), 'i32'),
        ),
    ].filter((x) => x !== null);
    const sum = all.reduce((a, b) => a.add(b)); // [B, T, E]
    const wide = widen === null ? sum : context.call('embed_proj', widen, sum); // [B, T, D]
    const normalized = context.call('LayerNorm', this.LayerNorm, wide);
    const kept = withoutPadding(normalized, inputs.attention_mask);
    return context.call('dropout', this.dropout, kept);
  }
}

/** @param x [B, T, D] @param mask [B, T] of 0 and 1; where it is 0, the result is. */
export function withoutPadding(x: Tensor, mask: Tensor | undefined): Tensor {
  return mask === undefined ? x : x.mul(reshape(mask.cast(x.dtype), [...mask.shape, 1]));
}
