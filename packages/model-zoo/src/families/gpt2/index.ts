import { defineFamily, type ModelFamily } from '../../family.ts';
import { type GPT2Config, gpt2Schema } from './config.ts';
import { GPT2LMHeadModel } from './gpt2.ts';

/** Radford et al. 2019, "Language models are unsupervised multitask learners". */
export const gpt2: ModelFamily = defineFamily<GPT2Config>({
  modelType: 'gpt2',
  schema: gpt2Schema,
  architectures: {
    GPT2LMHeadModel: {
      init: GPT2LMHeadModel.init,
      ignored: /\.attn\.(bias|masked_bias)$|^lm_head\.weight$/,
    },
  },
});

export { type GPT2Config, GPT2LMHeadModel };
