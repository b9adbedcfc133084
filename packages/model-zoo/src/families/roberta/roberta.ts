import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { BertModel } from '../bert/bertModel.ts';
import type { RobertaConfig } from './config.ts';

/** RoBERTa without a head: BERT, whose positions count tokens only. Liu et al. 2019, https://arxiv.org/abs/1907.11692 */
export function initRoberta(config: RobertaConfig, key: Tensor, pooler = true): BertModel {
  return BertModel.init(config, key, { pooler, skipsPadding: true });
}

/** The same within a model that has a head. */
export function initRobertaBase(config: RobertaConfig, key: Tensor, pooler = false): BertModel {
  return initRoberta(config, foldIn(key, 'roberta'), pooler);
}
