import {
  type Context,
  type InputSite,
  type Linear,
  siteWithin,
  type TakesVectors,
} from '@lorikeet/nn';
import {
  crossEntropy,
  foldIn,
  maximum,
  minimum,
  reshape,
  sliceAxis,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { BertModel } from './bertModel.ts';
import type { BertConfig } from './config.ts';
import { bertLinear } from './layer.ts';

/** The first and the last token of an answer in the text. */
export class BertForQuestionAnswering implements Model, TakesVectors {
  readonly bert: BertModel;
  readonly qa_outputs: Linear;
  readonly config: BertConfig;

  constructor(bert: BertModel, qaOutputs: Linear, config: BertConfig) {
    this.bert = bert;
    this.qa_outputs = qaOutputs;
    this.config = config;
  }

  static init(config: BertConfig, key: Tensor): BertForQuestionAnswering {
    const head = bertLinear(config, config.hidden_size, 2, foldIn(key, 'qa_outputs'));
    return new BertForQuestionAnswering(
      BertModel.init(config, foldIn(key, 'bert'), { pooler: false }),
      head,
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
    const { hidden_states, last_hidden_state } = context.call('bert', this.bert, inputs);
    const [batch = 0, time = 0] = last_hidden_state.shape;
    const logits = context.call('qa_outputs', this.qa_outputs, last_hidden_state); // [B, T, 2]
    const [start_logits, end_logits] = [0, 1].map((i) =>
      reshape(sliceAxis(logits, 2, i, 1), [batch, time]),
    ) as [Tensor, Tensor]; // [B, T]
    const { start_positions, end_positions } = inputs;
    if (start_positions === undefined || end_positions === undefined)
      return { start_logits, end_logits, hidden_states };
    // A position behind the text counts as none.
    const lossAt = (scores: Tensor, positions: Tensor): Tensor =>
      crossEntropy(scores, minimum(maximum(positions, 0), time), { ignoreIndex: time });
    const loss = lossAt(start_logits, start_positions)
      .add(lossAt(end_logits, end_positions))
      .div(2);
    return { loss, start_logits, end_logits, hidden_states };
  }
}
