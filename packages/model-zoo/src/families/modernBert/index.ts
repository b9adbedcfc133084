import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { type ModernBertConfig, modernBertSchema } from './config.ts';
import {
  modernChoiceHead,
  modernSpanHead,
  modernTextHead,
  modernTokenHead,
  modernWordHead,
} from './heads.ts';
import { ModernBertModel } from './modernBertModel.ts';

const field = 'model';
const { init } = ModernBertModel;
/** Of a checkpoint of the masked language model. */
const ignored = /^(head|decoder)\./;

/** Warner et al. 2024, https://arxiv.org/abs/2412.13663 */
export const modernBert: ModelFamily = defineFamily<ModernBertConfig>({
  modelType: 'modernbert',
  schema: modernBertSchema,
  base: field,
  architectures: {
    ModernBertModel: { init, ignored },
    ModernBertForSequenceClassification: headed(field, init, modernTextHead, /^decoder\./),
    ModernBertForTokenClassification: headed(field, init, modernTokenHead, /^decoder\./),
    ModernBertForQuestionAnswering: headed(field, init, modernSpanHead, /^decoder\./),
    ModernBertForMultipleChoice: headed(field, init, modernChoiceHead, /^decoder\./),
    ModernBertForMaskedLM: headed(field, init, modernWordHead),
  },
});

export { type ModernBertConfig, ModernBertModel };
