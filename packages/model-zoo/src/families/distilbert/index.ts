import { defineFamily, type ModelFamily } from '../../family.ts';
import { type DistilBertConfig, distilBertSchema } from './config.ts';
import { DistilBertModel } from './distilBertModel.ts';
import {
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from './heads.ts';
import { DistilBertForMaskedLM } from './maskedLM.ts';

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
    DistilBertForMaskedLM: { init: DistilBertForMaskedLM.init },
  },
});

export {
  type DistilBertConfig,
  DistilBertForMaskedLM,
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
};
