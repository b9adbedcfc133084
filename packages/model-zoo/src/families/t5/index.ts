import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { type T5Config, t5Schema } from './config.ts';
import { T5ForQuestionAnswering, T5ReadingModel, t5TextHead, t5TokenHead } from './heads.ts';
import { T5EncoderModel, T5ForConditionalGeneration, T5Model } from './t5.ts';

const field = 'transformer';

/** Raffel et al. 2020, https://arxiv.org/abs/1910.10683 */
export const t5: ModelFamily = defineFamily<T5Config>({
  modelType: 't5',
  schema: t5Schema,
  base: field,
  // Version 1.0 was stored with a table that no cross attention uses.
  ignored: /decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
  architectures: {
    T5Model: { init: T5Model.init, ignored: /^lm_head\.weight$/ },
    T5EncoderModel: { init: T5EncoderModel.init, ignored: /^(decoder\.|lm_head\.weight$)/ },
    T5ForConditionalGeneration: { init: T5ForConditionalGeneration.init },
    T5ForSequenceClassification: headed(
      field,
      T5ReadingModel.init,
      t5TextHead,
      /^lm_head\.weight$/,
    ),
    T5ForTokenClassification: headed(
      field,
      T5EncoderModel.init,
      t5TokenHead,
      /^(decoder\.|lm_head\.weight$)/,
    ),
    T5ForQuestionAnswering: { init: T5ForQuestionAnswering.init, ignored: /^lm_head\.weight$/ },
  },
});

export { type T5Config, T5EncoderModel, T5ForConditionalGeneration, T5Model };
