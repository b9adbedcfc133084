import { type Context, Dropout, Embedding, LayerNorm, normalInitializer } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { lookUp } from '../../lookUp.ts';
import type { ModelInputs } from '../../model.ts';
import { positionsOf } from '../../positions.ts';
import type { DistilBertConfig } from './config.ts';
import { normEpsilon } from './layer.ts';

/** Words and positions, added and normalised. */
export class DistilBertEmbeddings {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  readonly padId: number | null;

  constructor(
    words: Embedding,
    positions: Embedding,
    norm: LayerNorm,
    dropout: Dropout,
    padId: number | null,
  ) {
    this.word_embeddings = words;
    this.position_embeddings = positions;
    this.LayerNorm = norm;
    this.dropout = dropout;
    this.padId = padId;
  }

  static init(config: DistilBertConfig, key: Tensor): DistilBertEmbeddings {
    const initializer = normalInitializer(config.initializer_range);
    const table = (numEmbeddings: number, name: string): Embedding =>
      Embedding.init({ numEmbeddings, dimension: config.dim, initializer }, foldIn(key, name));
    return new DistilBertEmbeddings(
      table(config.vocab_size, 'words'),
      table(config.max_position_embeddings, 'positions'),
      LayerNorm.init(config.dim, normEpsilon),
      new Dropout(config.dropout),
      config.pad_token_id,
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
    const { position_embeddings: table } = this;
    const positions = context.call('position_embeddings', table, positionsOf(inputs, table));
    const normalized = context.call('LayerNorm', this.LayerNorm, words.add(positions));
    return context.call('dropout', this.dropout, normalized);
  }
}
