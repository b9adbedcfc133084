import type { Context, Dropout, Linear } from '@lorikeet/nn';
import { crossEntropy, foldIn, type Tensor } from '@lorikeet/tensor-core';
import { labelCount } from '../../heads/labelFields.ts';
import { textLoss } from '../../heads/textLoss.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import type { BertModel } from '../bert/bertModel.ts';
import { bertLinear } from '../bert/layer.ts';
import { headDropout, RobertaClassificationHead } from './classificationHead.ts';
import type { RobertaConfig } from './config.ts';
import { initRobertaBase } from './roberta.ts';
import { OnRoberta } from './robertaModel.ts';

/** A class, or numbers, for a whole text, from its first token. */
export class RobertaForSequenceClassification extends OnRoberta {
  readonly classifier: RobertaClassificationHead;

  constructor(roberta: BertModel, classifier: RobertaClassificationHead, config: RobertaConfig) {
    super(roberta, config);
    this.classifier = classifier;
  }

  static init(config: RobertaConfig, key: Tensor): RobertaForSequenceClassification {
    const head = RobertaClassificationHead.init(config, foldIn(key, 'classifier'));
    return new RobertaForSequenceClassification(initRobertaBase(config, key), head, config);
  }

  protected get labelled(): 'tokens' | 'rows' {
    return 'rows';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call('roberta', this.roberta, inputs);
    const logits = context.call('classifier', this.classifier, last_hidden_state); // [B, C]
    if (inputs.labels === undefined) return { logits, hidden_states };
    return { loss: textLoss(this.config, logits, inputs.labels), logits, hidden_states };
  }
}

/** A class for each token. */
export class RobertaForTokenClassification extends OnRoberta {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(roberta: BertModel, dropout: Dropout, classifier: Linear, config: RobertaConfig) {
    super(roberta, config);
    this.dropout = dropout;
    this.classifier = classifier;
  }

  static init(config: RobertaConfig, key: Tensor): RobertaForTokenClassification {
    const count = labelCount(config);
    return new RobertaForTokenClassification(
      initRobertaBase(config, key),
      headDropout(config),
      bertLinear(config, config.hidden_size, count, foldIn(key, 'classifier')),
      config,
    );
  }

  protected get labelled(): 'tokens' | 'rows' {
    return 'tokens';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call('roberta', this.roberta, inputs);
    const dropped = context.call('dropout', this.dropout, last_hidden_state);
    const logits = context.call('classifier', this.classifier, dropped); // [B, T, C]
    return {
      logits,
      hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}
