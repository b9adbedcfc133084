import type { HeadDesign } from '../../heads/headedModel.ts';
import { maskedHead, plainSizes } from '../../heads/textHeads.ts';
import type { BertConfig } from './config.ts';

/** The words that were masked. */
export const bertWordHead: HeadDesign<BertConfig> = maskedHead<BertConfig>({
  paths: () => ({
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    bias: 'cls.predictions.bias',
    words: 'bert.embeddings.word_embeddings',
  }),
  activation: ({ hidden_act }) => hidden_act,
  sizes: plainSizes,
});
