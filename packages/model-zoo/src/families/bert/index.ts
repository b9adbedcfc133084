import { defineFamily, type ModelFamily } from '../../family.ts';
import { BertForSequenceClassification, BertForTokenClassification } from './classification.ts';
import { type BertConfig, bertSchema } from './config.ts';
import { BertForMaskedLM } from './maskedLM.ts';
import { BertForQuestionAnswering } from './questionAnswering.ts';

/** A buffer of old checkpoints. */
const positionIds = /(^|\.)position_ids$/;

/** Devlin et al. 2019, https://arxiv.org/abs/1810.04805 */
export const bert: ModelFamily = defineFamily<BertConfig>({
  modelType: 'bert',
  schema: bertSchema,
  architectures: {
    BertForSequenceClassification: {
      init: BertForSequenceClassification.init,
      ignored: positionIds,
    },
    BertForTokenClassification: { init: BertForTokenClassification.init, ignored: positionIds },
    BertForQuestionAnswering: { init: BertForQuestionAnswering.init, ignored: positionIds },
    BertForMaskedLM: {
      init: BertForMaskedLM.init,
      ignored: /(^|\.)position_ids$|^cls\.predictions\.decoder\.(weight|bias)$/,
    },
  },
});

export {
  type BertConfig,
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
};
