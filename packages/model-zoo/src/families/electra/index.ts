import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { spanHead, tokenHead } from '../../heads/textHeads.ts';
import { type ElectraConfig, electraSchema } from './config.ts';
import { ElectraModel } from './electraModel.ts';
import {
  electraChoiceHead,
  electraReplacedHead,
  electraTextHead,
  electraWordHead,
  headRate,
} from './heads.ts';

const field = 'electra';
const { init } = ElectraModel;

/** Clark et al. 2020, https://arxiv.org/abs/2003.10555 */
export const electra: ModelFamily = defineFamily<ElectraConfig>({
  modelType: 'electra',
  schema: electraSchema,
  base: field,
  ignored: /(^|\.)embeddings\.position_ids$/,
  architectures: {
    ElectraModel: { init },
    ElectraForSequenceClassification: headed(field, init, electraTextHead),
    ElectraForTokenClassification: headed(field, init, tokenHead(headRate)),
    ElectraForQuestionAnswering: headed(field, init, spanHead()),
    ElectraForMultipleChoice: headed(field, init, electraChoiceHead),
    ElectraForPreTraining: headed(field, init, electraReplacedHead),
    ElectraForMaskedLM: headed(field, init, electraWordHead),
  },
});

export { type ElectraConfig, ElectraModel };
