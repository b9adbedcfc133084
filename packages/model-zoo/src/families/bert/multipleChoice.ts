import {
  type Context,
  Dropout,
  type InputSite,
  type Linear,
  siteWithin,
  type TakesVectors,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { choice, choicesApart } from '../../heads/choices.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { BertModel } from './bertModel.ts';
import type { BertConfig } from './config.ts';
import { bertLinear } from './layer.ts';

/** One of several answers to a question, whose tokens are [B, C, T]. */
export class BertForMultipleChoice implements Model, TakesVectors {
  readonly bert: BertModel;
  readonly dropout: Dropout;
  readonly classifier: Linear;
  readonly config: BertConfig;

  constructor(bert: BertModel, dropout: Dropout, classifier: Linear, config: BertConfig) {
    this.bert = bert;
    this.dropout = dropout;
    this.classifier = classifier;
    this.config = config;
  }

  static init(config: BertConfig, key: Tensor): BertForMultipleChoice {
    return new BertForMultipleChoice(
      BertModel.init(config, foldIn(key, 'bert'), { pooler: true }),
      new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob),
      bertLinear(config, config.hidden_size, 1, foldIn(key, 'classifier')),
      config,
    );
  }

  get inputSite(): InputSite {
    return siteWithin('bert', this.bert, 'rows');
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.bert.embed(ids, context.child('bert'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('bert', this.bert, choicesApart(inputs));
    const pooled = base.pooler_output ?? base.last_hidden_state; // [B * C, D]
    const dropped = context.call('dropout', this.dropout, pooled);
    const scores = context.call('classifier', this.classifier, dropped); // [B * C, 1]
    return { ...choice(scores, inputs), hidden_states: base.hidden_states };
  }
}
