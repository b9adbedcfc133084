import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { type DistilBertConfig, distilBertSchema } from './config.ts';
import { DistilBertModel } from './distilBertModel.ts';
import {
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from './heads.ts';
import { distilBertWordHead } from './maskedLM.ts';

/** Sanh et al. 2019, https://arxiv.org/abs/1910.01108 */
export const distilbert: ModelFamily = defineFamily<DistilBertConfig>({
  modelType: 'distilbert',
  schema: distilBertSchema,
  base: 'distilbert',
  ignored: /(^|\.)embeddings\.position_ids$/,
  architectures: {
    DistilBertModel: { init: DistilBertModel.init },
    DistilBertForSequenceClassification: { init: DistilBertForSequenceClassification.init },
    DistilBertForTokenClassification: { init: DistilBertForTokenClassification.init },
    DistilBertForQuestionAnswering: { init: DistilBertForQuestionAnswering.init },
    DistilBertForMultipleChoice: { init: DistilBertForMultipleChoice.init },
    DistilBertForMaskedLM: headed('distilbert', DistilBertModel.init, distilBertWordHead),
  },
});

export {
  type DistilBertConfig,
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
};
