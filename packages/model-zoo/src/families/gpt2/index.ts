import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { lastTokenHead } from '../../heads/textHeads.ts';
import { type GPT2Config, gpt2Schema } from './config.ts';
import { GPT2LMHeadModel, GPT2Model } from './gpt2.ts';

/** Radford et al. 2019, "Language models are unsupervised multitask learners". */
export const gpt2: ModelFamily = defineFamily<GPT2Config>({
  modelType: 'gpt2',
  schema: gpt2Schema,
  base: 'transformer',
  ignored: /(^|\.)attn\.(bias|masked_bias)$/,
  architectures: {
    GPT2Model: { init: GPT2Model.init },
    GPT2LMHeadModel: { init: GPT2LMHeadModel.init },
    GPT2ForSequenceClassification: headed(
      'transformer',
      GPT2Model.init,
      lastTokenHead(({ n_embd }) => n_embd),
      /^lm_head\.weight$/,
    ),
  },
});

export { type GPT2Config, GPT2LMHeadModel, GPT2Model };
