import type { HeadDesign } from '../../heads/headedModel.ts';
import { maskedHead, plainSizes } from '../../heads/textHeads.ts';
import type { RobertaConfig } from './config.ts';

/** The words that were masked. */
export const robertaWordHead: HeadDesign<RobertaConfig> = maskedHead<RobertaConfig>({
  paths: () => ({
    dense: 'lm_head.dense',
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder',
    bias: 'lm_head.bias',
    words: 'roberta.embeddings.word_embeddings',
  }),
  activation: () => 'gelu',
  sizes: plainSizes,
});
