import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { lastTokenHead, nextHead } from '../../heads/textHeads.ts';
import { type GPTNeoXConfig, gptNeoXSchema } from './config.ts';
import { GPTNeoXModel } from './gptNeox.ts';

const field = 'gpt_neox';

/** Black et al. 2022, https://arxiv.org/abs/2204.06745; Pythia is of this family. */
export const gptNeoX: ModelFamily = defineFamily<GPTNeoXConfig>({
  modelType: 'gpt_neox',
  schema: gptNeoXSchema,
  base: field,
  // What the output layer is called in transformers 5.
  renamed: { 'lm_head.weight': 'embed_out.weight' },
  ignored: /(^|\.)(attention\.(bias|masked_bias|rotary_emb\.inv_freq)|rotary_emb\.inv_freq)$/,
  architectures: {
    GPTNeoXModel: { init: GPTNeoXModel.init, ignored: /^(embed_out|lm_head)\.weight$/ },
    GPTNeoXForCausalLM: headed(
      field,
      GPTNeoXModel.init,
      nextHead('embed_out', `${field}.embed_in`),
    ),
    GPTNeoXForSequenceClassification: headed(
      field,
      GPTNeoXModel.init,
      lastTokenHead(({ hidden_size }) => hidden_size),
      /^(embed_out|lm_head)\.weight$/,
    ),
  },
});

export { type GPTNeoXConfig, GPTNeoXModel };
