import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { BertModel } from './bertModel.ts';
import { BertForSequenceClassification, BertForTokenClassification } from './classification.ts';
import { type BertConfig, bertSchema } from './config.ts';
import { bertWordHead } from './maskedLM.ts';
import { BertForMultipleChoice } from './multipleChoice.ts';
import { BertForQuestionAnswering } from './questionAnswering.ts';

/** Of a base model saved with its pooler, which these heads do not use. */
const pooler = /(^|\.)pooler\.dense\.(weight|bias)$/;

/** Devlin et al. 2019, https://arxiv.org/abs/1810.04805 */
export const bert: ModelFamily = defineFamily<BertConfig>({
  modelType: 'bert',
  schema: bertSchema,
  base: 'bert',
  renamed: { 'LayerNorm.gamma': 'LayerNorm.weight', 'LayerNorm.beta': 'LayerNorm.bias' },
  ignored: /(^|\.)embeddings\.position_ids$/,
  architectures: {
    BertModel: { init: BertModel.init },
    BertForSequenceClassification: { init: BertForSequenceClassification.init },
    BertForTokenClassification: { init: BertForTokenClassification.init, ignored: pooler },
    BertForQuestionAnswering: { init: BertForQuestionAnswering.init, ignored: pooler },
    BertForMaskedLM: headed(
      'bert',
      (config, key) => BertModel.init(config, key, { pooler: false }),
      bertWordHead,
      /(^|\.)pooler\.dense\.(weight|bias)$|^cls\.predictions\.bias$/,
    ),
    BertForMultipleChoice: { init: BertForMultipleChoice.init },
  },
});

export {
  type BertConfig,
  BertForMultipleChoice,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
};
