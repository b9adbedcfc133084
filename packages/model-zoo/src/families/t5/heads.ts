import { type Context, Dropout, Linear, normalInitializer } from '@lorikeet/nn';
import { foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { endOfTextHead } from '../../heads/endOfTextHead.ts';
import type { HeadDesign } from '../../heads/headedModel.ts';
import { labelCount } from '../../heads/labelFields.ts';
import { spans } from '../../heads/spans.ts';
import { tokenTask } from '../../heads/task.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import type { T5Config } from './config.ts';
import { T5Model } from './t5.ts';

function linear(config: T5Config, from: number, to: number, key: Tensor): Linear {
  const initializer = normalInitializer(config.initializer_factor * config.d_model ** -0.5);
  return Linear.init({ inFeatures: from, outFeatures: to, bias: true, initializer }, key);
}

/** Encoder and decoder, which reads what the encoder does unless it is given something. */
export class T5ReadingModel extends T5Model {
  static override init(config: T5Config, key: Tensor): T5ReadingModel {
    const { shared, encoder, decoder } = T5Model.init(config, key);
    return new T5ReadingModel(shared, encoder, decoder, config);
  }

  protected override get readsInput(): boolean {
    return true;
  }

  override call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const { last_hidden_state, ...states } = super.call(inputs, context);
    if (last_hidden_state !== undefined) return { last_hidden_state, ...states };
    throw new LorikeetError('internal', 'a decoder without a state');
  }
}

/** A class, or numbers, for a whole text, from the last token of the decoder that ends a text. */
export const t5TextHead: HeadDesign<T5Config> = endOfTextHead(linear, 2);

/** A class for each token, from the encoder alone. */
export const t5TokenHead: HeadDesign<T5Config> = {
  task: tokenTask,
  parts: (config, key) => ({
    dropout: new Dropout(config.classifier_dropout),
    classifier: linear(config, config.d_model, labelCount(config), foldIn(key, 'classifier')),
  }),
  steps: () => [{ layer: 'dropout' }, { layer: 'classifier' }],
};

/** The first and the last token of an answer in the text, from the decoder. Its state dict has no name for the base. */
export class T5ForQuestionAnswering extends T5ReadingModel {
  readonly qa_outputs: Linear;

  constructor(base: T5Model, outputs: Linear) {
    super(base.shared, base.encoder, base.decoder, base.config);
    this.qa_outputs = outputs;
  }

  static override init(config: T5Config, key: Tensor): T5ForQuestionAnswering {
    const outputs = linear(config, config.d_model, 2, foldIn(key, 'qa_outputs'));
    return new T5ForQuestionAnswering(T5Model.init(config, key), outputs);
  }

  override get inputSite(): T5Model['inputSite'] {
    return { ...super.inputSite, labels: 'rows' };
  }

  override call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const outputs = super.call(inputs, context);
    const scores = context.call('qa_outputs', this.qa_outputs, outputs.last_hidden_state); // [B, T, 2]
    return { ...outputs, ...spans(scores, inputs) };
  }
}
