import type { Tensor } from '@lorikeet/tensor-core';
import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { BartForConditionalGeneration, BartModel } from './bart.ts';
import { BartForCausalLM } from './causal.ts';
import { type BartConfig, bartSchema } from './config.ts';
import { bartSpanHead, bartTextHead } from './heads.ts';
import { besideDecoder, sharedWords, unusedWithoutEncoder } from './names.ts';
import type { BartDesign } from './stack.ts';

const field = 'model';
const design: BartDesign = { positions: 'learned', normsWords: true };
const init = (config: BartConfig, key: Tensor): BartModel => BartModel.init(config, design, key);
/** Of a checkpoint with the output layer, which is the word embedding. */
const ignored = /^(final_logits_bias|lm_head\.weight)$/;

/** Lewis et al. 2020, https://arxiv.org/abs/1910.13461 */
export const bart: ModelFamily = defineFamily<BartConfig>({
  modelType: 'bart',
  schema: bartSchema,
  base: field,
  ignored: /(^|\.)(encoder|decoder)\.version$/,
  standIns: sharedWords,
  architectures: {
    BartModel: { init, ignored },
    BartForConditionalGeneration: {
      init: (config, key) => BartForConditionalGeneration.init(config, design, key),
      optional: /^final_logits_bias$/,
      frozen: /^final_logits_bias$/,
    },
    BartForCausalLM: {
      init: (config, key) => BartForCausalLM.init(config, design, key),
      ignored: besideDecoder,
      frozen: unusedWithoutEncoder,
    },
    BartForSequenceClassification: headed(field, init, bartTextHead, ignored),
    BartForQuestionAnswering: headed(field, init, bartSpanHead, ignored),
  },
});

export { type BartConfig, BartForCausalLM, BartForConditionalGeneration, BartModel };
