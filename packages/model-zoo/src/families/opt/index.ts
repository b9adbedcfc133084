import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { lastTokenHead, nextHead } from '../../heads/textHeads.ts';
import { type OPTConfig, optSchema, wordWidth } from './config.ts';
import { OPTModel } from './opt.ts';

const field = 'model';

/** Zhang et al. 2022, https://arxiv.org/abs/2205.01068 */
export const opt: ModelFamily = defineFamily<OPTConfig>({
  modelType: 'opt',
  schema: optSchema,
  base: field,
  architectures: {
    OPTModel: { init: OPTModel.init, ignored: /^lm_head\.weight$/ },
    OPTForCausalLM: headed(
      field,
      OPTModel.init,
      nextHead('lm_head', `${field}.decoder.embed_tokens`, wordWidth),
    ),
    OPTForSequenceClassification: headed(
      field,
      OPTModel.init,
      lastTokenHead(wordWidth),
      /^lm_head\.weight$/,
    ),
  },
});

export { type OPTConfig, OPTModel };
