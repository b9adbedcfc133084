import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import {
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './classification.ts';
import { type RobertaConfig, robertaSchema } from './config.ts';
import { robertaWordHead } from './maskedLM.ts';
import { RobertaForMultipleChoice, RobertaForQuestionAnswering } from './questions.ts';
import { initRoberta } from './roberta.ts';

/** Of a base model saved with its pooler, which these heads do not use. */
const pooler = /(^|\.)pooler\.dense\.(weight|bias)$/;

/** A family that is RoBERTa under another name. */
export function defineRoberta(modelType: string, prefix: string): ModelFamily {
  return defineFamily<RobertaConfig>({
    modelType,
    schema: robertaSchema,
    base: 'roberta',
    ignored: /(^|\.)embeddings\.position_ids$/,
    architectures: {
      [`${prefix}Model`]: { init: (config, key) => initRoberta(config, key) },
      [`${prefix}ForSequenceClassification`]: {
        init: RobertaForSequenceClassification.init,
        ignored: pooler,
      },
      [`${prefix}ForTokenClassification`]: {
        init: RobertaForTokenClassification.init,
        ignored: pooler,
      },
      [`${prefix}ForQuestionAnswering`]: {
        init: RobertaForQuestionAnswering.init,
        ignored: pooler,
      },
      [`${prefix}ForMaskedLM`]: headed(
        'roberta',
        (config, key) => initRoberta(config, key, false),
        robertaWordHead,
        /(^|\.)pooler\.dense\.(weight|bias)$|^lm_head\.bias$/,
      ),
      [`${prefix}ForMultipleChoice`]: { init: RobertaForMultipleChoice.init },
    },
  });
}
