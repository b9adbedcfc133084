import { Linear, normalInitializer } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { BartConfig } from './config.ts';

/** The output layer of a model whose config does not tie it to the words. */
export function ownHead(config: BartConfig, key: Tensor): Linear | null {
  if (config.tie_word_embeddings) return null;
  const { d_model: inFeatures, vocab_size: outFeatures, init_std } = config;
  const initializer = normalInitializer(init_std);
  return Linear.init({ inFeatures, outFeatures, bias: false, initializer }, foldIn(key, 'lm_head'));
}
