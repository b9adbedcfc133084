import { type Context, Dropout, type Linear } from '@lorikeet/nn';
import { crossEntropy, foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { BertModel } from './bertModel.ts';
import { type BertConfig, labelCount } from './config.ts';
import { bertLinear } from './layer.ts';

/** A class for a whole text, from the pooled first token. */
export class BertForSequenceClassification implements Model {
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
    requireSingleLabel(config);
    return new BertForSequenceClassification(
      BertModel.init(config, foldIn(key, 'bert'), { pooler: true }),
      headDropout(config),
      classifierOf(config, key),
      config,
    );
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last, pooled = last } = this.bert.call(inputs, context.child('bert'));
    const dropped = this.dropout.call(pooled, context.child('dropout'));
    const logits = this.classifier.call(dropped, context.child('classifier')); // [B, C]
    return {
      logits,
      hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}

/** A class for each token. */
export class BertForTokenClassification implements Model {
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

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last } = this.bert.call(inputs, context.child('bert'));
    const dropped = this.dropout.call(last, context.child('dropout'));
    const logits = this.classifier.call(dropped, context.child('classifier')); // [B, T, C]
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

function requireSingleLabel(config: BertConfig): void {
  const problem =
    config.problem_type ??
    (labelCount(config) === 1 ? 'regression' : 'single_label_classification');
  if (problem === 'single_label_classification') return;
  throw new LorikeetError('unsupported', `sequence classification of the kind '${problem}'`, {
    expected: 'single_label_classification, with two labels or more',
    received: problem,
  });
}
