import { type Context, Embedding, normalInitializer } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import { lookUp } from '../../lookUp.ts';
import type { BartConfig } from './config.ts';

/** A table of words. */
export function bartTable(config: BartConfig, key: Tensor): Embedding {
  const { vocab_size: numEmbeddings, d_model: dimension, init_std } = config;
  return Embedding.init(
    { numEmbeddings, dimension, initializer: normalInitializer(init_std) },
    key,
  );
}

/**
 * Rows of a table of words, made larger if the config says so.
 *
 * @param label the field that holds the table.
 * @param ids [B, T]; the result is [B, T, D].
 */
export function bartWords(
  config: BartConfig,
  [label, table]: readonly [label: string, table: Embedding],
  ids: Tensor,
  context: Context,
): Tensor {
  const { pad_token_id, scale_embedding, d_model } = config;
  const rows = lookUp(label, table, ids, pad_token_id, context);
  return scale_embedding ? rows.mul(Math.sqrt(d_model)) : rows;
}
