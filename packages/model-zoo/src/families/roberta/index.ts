import type { ModelFamily } from '../../family.ts';
import {
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './classification.ts';
import type { RobertaConfig } from './config.ts';
import { defineRoberta } from './defineRoberta.ts';
import { RobertaForMultipleChoice, RobertaForQuestionAnswering } from './questions.ts';

/** Liu et al. 2019, https://arxiv.org/abs/1907.11692 */
export const roberta: ModelFamily = defineRoberta('roberta', 'Roberta');

export {
  type RobertaConfig,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
};
