import { type Context, Dropout, Embedding, LayerNorm, normalInitializer } from '@lorikeet/nn';
import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
import { lookUp } from '../../lookUp.ts';
import type { ModelInputs } from '../../model.ts';
import { positionsOf, sizesOf, tokenPositions } from '../../positions.ts';
import type { BertConfig } from './config.ts';

/** What families of BERT's build differ in. */
export interface BertDesign {
  /** Whether positions count tokens only, from the one behind `pad_token_id` on, as RoBERTa's. */
  readonly skipsPadding?: boolean;
  /** Width of words, positions and types, if not that of the model. */
  readonly width?: number;
}

/** What the embeddings need of a config that may be another family's. */
type EmbeddingFields = Pick<
  BertConfig,
  | 'vocab_size'
  | 'hidden_size'
  | 'max_position_embeddings'
  | 'type_vocab_size'
  | 'layer_norm_eps'
  | 'hidden_dropout_prob'
  | 'initializer_range'
  | 'pad_token_id'
>;

/** Words, positions and token types, added and normalised. */
export class BertEmbeddings {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding;
  readonly token_type_embeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  readonly padId: number | null;
  /** Whether padding has no place, and is not counted: the position of the first token is behind `padId`. */
  readonly skipsPadding: boolean;

  constructor(
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    dropout: Dropout,
    padId: number | null,
    skipsPadding: boolean,
  ) {
    this.word_embeddings = words;
    this.position_embeddings = positions;
    this.token_type_embeddings = types;
    this.LayerNorm = norm;
    this.dropout = dropout;
    this.padId = padId;
    this.skipsPadding = skipsPadding;
  }

  static init(
    config: EmbeddingFields,
    key: Tensor,
    { skipsPadding = false, width = config.hidden_size }: BertDesign = {},
  ): BertEmbeddings {
    const initializer = normalInitializer(config.initializer_range);
    const table = (numEmbeddings: number, name: string): Embedding =>
      Embedding.init({ numEmbeddings, dimension: width, initializer }, foldIn(key, name));
    return new BertEmbeddings(
      table(config.vocab_size, 'words'),
      table(config.max_position_embeddings, 'positions'),
      table(config.type_vocab_size, 'types'),
      LayerNorm.init(width, config.layer_norm_eps),
      new Dropout(config.hidden_dropout_prob),
      config.pad_token_id,
      skipsPadding,
    );
  }

  /** The rows of words, [B, T, D]. */
  embed(ids: Tensor, context: Context): Tensor {
    return lookUp('word_embeddings', this.word_embeddings, ids, this.padId, context);
  }

  /** @returns [B, T, D] */
  call(inputs: ModelInputs, context: Context): Tensor {
    const words =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, D]
    const types = context.call(
      'token_type_embeddings',
      this.token_type_embeddings,
      inputs.token_type_ids ?? zeros(sizesOf(inputs), 'i32'),
    ); // [B, T, D]
    const { position_embeddings: table, padId } = this;
    const places = this.skipsPadding
      ? tokenPositions(inputs, table, padId ?? 0)
      : positionsOf(inputs, table);
    const padding = this.skipsPadding ? padId : null;
    const positions = lookUp('position_embeddings', table, places, padding, context); // [1 or B, T, D]
    const normalized = context.call('LayerNorm', this.LayerNorm, words.add(types).add(positions));
    return context.call('dropout', this.dropout, normalized);
  }
}
