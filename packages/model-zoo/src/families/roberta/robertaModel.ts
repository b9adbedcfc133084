import { type Context, type InputSite, siteWithin, type TakesVectors } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import type { BertModel } from '../bert/bertModel.ts';
import type { RobertaConfig } from './config.ts';

/** What all models with a head on RoBERTa have. */
export abstract class OnRoberta implements Model, TakesVectors {
  readonly roberta: BertModel;
  readonly config: RobertaConfig;

  constructor(roberta: BertModel, config: RobertaConfig) {
    this.roberta = roberta;
    this.config = config;
  }

  get inputSite(): InputSite {
    return siteWithin('roberta', this.roberta, this.labelled);
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.roberta.embed(ids, context.child('roberta'));
  }

  /** Whether labels belong to tokens or to rows. */
  protected abstract get labelled(): InputSite['labels'];

  abstract call(inputs: ModelInputs, context: Context): ModelOutputs;
}
