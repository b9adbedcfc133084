import type { HeadDesign } from '../../heads/headedModel.ts';
import { maskedHead } from '../../heads/textHeads.ts';
import type { DistilBertConfig } from './config.ts';
import { normEpsilon } from './layer.ts';

/** The words that were masked. */
export const distilBertWordHead: HeadDesign<DistilBertConfig> = maskedHead<DistilBertConfig>({
  paths: () => ({
    dense: 'vocab_transform',
    norm: 'vocab_layer_norm',
    decoder: 'vocab_projector',
    bias: 'vocab_projector.bias',
    words: 'distilbert.embeddings.word_embeddings',
  }),
  activation: ({ activation }) => activation,
  sizes: ({ dim }) => ({ hidden: dim, words: dim, epsilon: normEpsilon }),
});
