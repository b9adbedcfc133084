import { type Context, Dropout, Embedding, LayerNorm, normalInitializer } from '@lorikeet/nn';
import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
import { lookUp } from '../../lookUp.ts';
import type { ModelInputs } from '../../model.ts';
import { positionsOf } from '../../positions.ts';
import type { BertConfig } from './config.ts';

/** Words, positions and token types, added and normalised. */
export class BertEmbeddings {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding;
  readonly token_type_embeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  readonly padId: number | null;

  constructor(
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    dropout: Dropout,
    padId: number | null,
  ) {
    this.word_embeddings = words;
    this.position_embeddings = positions;
    this.token_type_embeddings = types;
    this.LayerNorm = norm;
    this.dropout = dropout;
    this.padId = padId;
  }

  static init(config: BertConfig, key: Tensor): BertEmbeddings {
    const initializer = normalInitializer(config.initializer_range);
    const table = (numEmbeddings: number, name: string): Embedding =>
      Embedding.init(
        { numEmbeddings, dimension: config.hidden_size, initializer },
        foldIn(key, name),
      );
    return new BertEmbeddings(
      table(config.vocab_size, 'words'),
      table(config.max_position_embeddings, 'positions'),
      table(config.type_vocab_size, 'types'),
      LayerNorm.init(config.hidden_size, config.layer_norm_eps),
      new Dropout(config.hidden_dropout_prob),
      config.pad_token_id,
    );
  }

  /** @returns [B, T, D] */
  call(inputs: ModelInputs, context: Context): Tensor {
    const { input_ids, token_type_ids } = inputs;
    const words = lookUp(
      this.word_embeddings,
      input_ids,
      this.padId,
      context.child('word_embeddings'),
    ); // [B, T, D]
    const types = this.token_type_embeddings.call(
      token_type_ids ?? zeros(input_ids.shape, 'i32'),
      context.child('token_type_embeddings'),
    ); // [B, T, D]
    const positions = this.position_embeddings.call(
      positionsOf(inputs, this.position_embeddings),
      context.child('position_embeddings'),
    ); // [1 or B, T, D]
    const normalized = this.LayerNorm.call(words.add(types).add(positions));
    return this.dropout.call(normalized, context.child('dropout'));
  }
}
