import type { Context, Dropout, Linear } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { choice, choicesApart } from '../../heads/choices.ts';
import { spans } from '../../heads/spans.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import type { BertModel } from '../bert/bertModel.ts';
import { bertLinear } from '../bert/layer.ts';
import { headDropout } from './classificationHead.ts';
import type { RobertaConfig } from './config.ts';
import { initRobertaBase } from './roberta.ts';
import { OnRoberta } from './robertaModel.ts';

/** The first and the last token of an answer in the text. */
export class RobertaForQuestionAnswering extends OnRoberta {
  readonly qa_outputs: Linear;

  constructor(roberta: BertModel, qaOutputs: Linear, config: RobertaConfig) {
    super(roberta, config);
    this.qa_outputs = qaOutputs;
  }

  static init(config: RobertaConfig, key: Tensor): RobertaForQuestionAnswering {
    const head = bertLinear(config, config.hidden_size, 2, foldIn(key, 'qa_outputs'));
    return new RobertaForQuestionAnswering(initRobertaBase(config, key), head, config);
  }

  protected get labelled(): 'tokens' | 'rows' {
    return 'rows';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call('roberta', this.roberta, inputs);
    const logits = context.call('qa_outputs', this.qa_outputs, last_hidden_state); // [B, T, 2]
    return { ...spans(logits, inputs), hidden_states };
  }
}

/** One of several answers to a question, whose tokens are [B, C, T]. */
export class RobertaForMultipleChoice extends OnRoberta {
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(roberta: BertModel, dropout: Dropout, classifier: Linear, config: RobertaConfig) {
    super(roberta, config);
    this.dropout = dropout;
    this.classifier = classifier;
  }

  static init(config: RobertaConfig, key: Tensor): RobertaForMultipleChoice {
    return new RobertaForMultipleChoice(
      initRobertaBase(config, key, true),
      headDropout(config),
      bertLinear(config, config.hidden_size, 1, foldIn(key, 'classifier')),
      config,
    );
  }

  protected get labelled(): 'tokens' | 'rows' {
    return 'rows';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const base = context.call('roberta', this.roberta, choicesApart(inputs));
    const pooled = base.pooler_output ?? base.last_hidden_state; // [B * C, D]
    const dropped = context.call('dropout', this.dropout, pooled);
    const scores = context.call('classifier', this.classifier, dropped); // [B * C, 1]
    return { ...choice(scores, inputs), hidden_states: base.hidden_states };
  }
}
