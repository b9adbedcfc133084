import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { nextHead } from '../../heads/textHeads.ts';
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
  },
});

export { type OPTConfig, OPTModel };
