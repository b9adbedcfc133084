import { type Context, Dropout, type Linear } from '@lorikeet/nn';
import { crossEntropy, foldIn, type Tensor } from '@lorikeet/tensor-core';
import { choice, choicesApart } from '../../heads/choices.ts';
import { labelCount } from '../../heads/labelFields.ts';
import { spans } from '../../heads/spans.ts';
import { textLoss } from '../../heads/textLoss.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import type { DistilBertConfig } from './config.ts';
import type { DistilBertModel } from './distilBertModel.ts';
import { distilBertLinear } from './layer.ts';
import { initDistilBert, OnDistilBert, pooledBy, preClassifier } from './onDistilBert.ts';

abstract class OfWholeText extends OnDistilBert {
  readonly pre_classifier: Linear;
  readonly classifier: Linear;
  readonly dropout: Dropout;

  constructor(
    distilbert: DistilBertModel,
    layers: { readonly pre_classifier: Linear; readonly classifier: Linear },
    config: DistilBertConfig,
  ) {
    super(distilbert, config);
    this.pre_classifier = layers.pre_classifier;
    this.classifier = layers.classifier;
    this.dropout = new Dropout(config.seq_classif_dropout);
  }

  protected get labelled(): 'rows' {
    return 'rows';
  }

  /** [B, T, D] to [B, C]. */
  protected scores(x: Tensor, context: Context): Tensor {
    const pooled = pooledBy(this.pre_classifier, x, context);
    const dropped = context.call('dropout', this.dropout, pooled);
    return context.call('classifier', this.classifier, dropped);
  }
}

function layersOf(
  config: DistilBertConfig,
  outputs: number,
  key: Tensor,
): { readonly pre_classifier: Linear; readonly classifier: Linear } {
  return {
    pre_classifier: preClassifier(config, key),
    classifier: distilBertLinear(config, config.dim, outputs, foldIn(key, 'classifier')),
  };
}

/** A class, or numbers, for a whole text, from its first token. */
export class DistilBertForSequenceClassification extends OfWholeText {
  static init(config: DistilBertConfig, key: Tensor): DistilBertForSequenceClassification {
    const layers = layersOf(config, labelCount(config), key);
    return new DistilBertForSequenceClassification(initDistilBert(config, key), layers, config);
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('distilbert', this.distilbert, inputs);
    const { hidden_states } = base;
    const logits = this.scores(base.last_hidden_state, context); // [B, C]
    if (inputs.labels === undefined) return { logits, hidden_states };
    return { loss: textLoss(this.config, logits, inputs.labels), logits, hidden_states };
  }
}

/** One of several answers to a question, whose tokens are [B, C, T]. */
export class DistilBertForMultipleChoice extends OfWholeText {
  static init(config: DistilBertConfig, key: Tensor): DistilBertForMultipleChoice {
    const layers = layersOf(config, 1, key);
    return new DistilBertForMultipleChoice(initDistilBert(config, key), layers, config);
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('distilbert', this.distilbert, choicesApart(inputs));
    const scores = this.scores(base.last_hidden_state, context); // [B * C, 1]
    return { ...choice(scores, inputs), hidden_states: base.hidden_states };
  }
}

/** A class for each token. */
export class DistilBertForTokenClassification extends OnDistilBert {
  readonly classifier: Linear;
  readonly dropout: Dropout;

  constructor(distilbert: DistilBertModel, classifier: Linear, config: DistilBertConfig) {
    super(distilbert, config);
    this.classifier = classifier;
    this.dropout = new Dropout(config.dropout);
  }

  static init(config: DistilBertConfig, key: Tensor): DistilBertForTokenClassification {
    const { classifier } = layersOf(config, labelCount(config), key);
    return new DistilBertForTokenClassification(initDistilBert(config, key), classifier, config);
  }

  protected get labelled(): 'tokens' {
    return 'tokens';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('distilbert', this.distilbert, inputs);
    const dropped = context.call('dropout', this.dropout, base.last_hidden_state);
    const logits = context.call('classifier', this.classifier, dropped); // [B, T, C]
    return {
      logits,
      hidden_states: base.hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}

/** The first and the last token of an answer in the text. */
export class DistilBertForQuestionAnswering extends OnDistilBert {
  readonly qa_outputs: Linear;
  readonly dropout: Dropout;

  constructor(distilbert: DistilBertModel, qaOutputs: Linear, config: DistilBertConfig) {
    super(distilbert, config);
    this.qa_outputs = qaOutputs;
    this.dropout = new Dropout(config.qa_dropout);
  }

  static init(config: DistilBertConfig, key: Tensor): DistilBertForQuestionAnswering {
    const head = distilBertLinear(config, config.dim, 2, foldIn(key, 'qa_outputs'));
    return new DistilBertForQuestionAnswering(initDistilBert(config, key), head, config);
  }

  protected get labelled(): 'rows' {
    return 'rows';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('distilbert', this.distilbert, inputs);
    const dropped = context.call('dropout', this.dropout, base.last_hidden_state);
    const logits = context.call('qa_outputs', this.qa_outputs, dropped); // [B, T, 2]
    return { ...spans(logits, inputs), hidden_states: base.hidden_states };
  }
}
