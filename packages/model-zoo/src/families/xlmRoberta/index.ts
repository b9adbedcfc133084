import type { ModelFamily } from '../../family.ts';
import { defineRoberta } from '../roberta/defineRoberta.ts';

/** RoBERTa in a hundred languages. Conneau et al. 2020, https://arxiv.org/abs/1911.02116 */
export const xlmRoberta: ModelFamily = defineRoberta('xlm-roberta', 'XLMRoberta');
