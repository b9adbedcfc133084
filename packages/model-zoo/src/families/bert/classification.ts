import {
  type Context,
  Dropout,
  type InputSite,
  type Linear,
  siteWithin,
  type TakesVectors,
} from '@lorikeet/nn';
import { crossEntropy, foldIn, type Tensor } from '@lorikeet/tensor-core';
import { labelCount } from '../../heads/labelFields.ts';
import { textLoss } from '../../heads/textLoss.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { BertModel } from './bertModel.ts';
import type { BertConfig } from './config.ts';
import { bertLinear } from './layer.ts';

/** A class, or numbers, for a whole text, from the pooled first token. */
export class BertForSequenceClassification implements Model, TakesVectors {
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

  static init(config: BertConfig, key: Tensor): BertForSequenceClassification {
    return new BertForSequenceClassification(
      BertModel.init(config, foldIn(key, 'bert'), { pooler: true }),
      headDropout(config),
      classifierOf(config, key),
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
    const base = context.call('bert', this.bert, inputs);
    const pooled = base.pooler_output ?? base.last_hidden_state; // [B, D]
    const dropped = context.call('dropout', this.dropout, pooled);
    const logits = context.call('classifier', this.classifier, dropped); // [B, C]
    const { hidden_states } = base;
    if (inputs.labels === undefined) return { logits, hidden_states };
    return { loss: textLoss(this.config, logits, inputs.labels), logits, hidden_states };
  }
}

/** A class for each token. */
export class BertForTokenClassification implements Model, TakesVectors {
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

  static init(config: BertConfig, key: Tensor): BertForTokenClassification {
    return new BertForTokenClassification(
      BertModel.init(config, foldIn(key, 'bert'), { pooler: false }),
      headDropout(config),
      classifierOf(config, key),
      config,
    );
  }

  get inputSite(): InputSite {
    return siteWithin('bert', this.bert, 'tokens');
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.bert.embed(ids, context.child('bert'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call('bert', this.bert, inputs);
    const dropped = context.call('dropout', this.dropout, last_hidden_state);
    const logits = context.call('classifier', this.classifier, dropped); // [B, T, C]
    return {
      logits,
      hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}

function headDropout({ classifier_dropout, hidden_dropout_prob }: BertConfig): Dropout {
  return new Dropout(classifier_dropout ?? hidden_dropout_prob);
}

function classifierOf(config: BertConfig, key: Tensor): Linear {
  return bertLinear(config, config.hidden_size, labelCount(config), foldIn(key, 'classifier'));
}
