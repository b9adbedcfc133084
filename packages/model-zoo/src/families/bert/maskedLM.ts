import {
  activation,
  type Context,
  contract,
  type InputSite,
  LayerNorm,
  type Linear,
  materialize,
  siteWithin,
  type TakesVectors,
  type TiesWeights,
  tiedPart,
  type Weight,
} from '@lorikeet/nn';
import { crossEntropy, foldIn, LorikeetError, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { BertModel } from './bertModel.ts';
import type { BertConfig } from './config.ts';
import { bertLinear } from './layer.ts';

class BertPredictionHeadTransform {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly activation: string;

  constructor(dense: Linear, norm: LayerNorm, activationName: string) {
    this.dense = dense;
    this.LayerNorm = norm;
    this.activation = activationName;
  }

  call(x: Tensor, context: Context): Tensor {
    return context.call(
      'LayerNorm',
      this.LayerNorm,
      activation(this.activation)(context.call('dense', this.dense, x)),
    );
  }
}

class BertLMPredictionHead {
  readonly transform: BertPredictionHeadTransform;
  /** [V] */
  readonly bias: Weight;

  constructor(transform: BertPredictionHeadTransform, bias: Weight) {
    this.transform = transform;
    this.bias = bias;
  }

  /** @param x [B, T, D] @param words [V, D], tied; the result is [B, T, V]. */
  call(x: Tensor, words: Weight, context: Context): Tensor {
    const transformed = context.call('transform', this.transform, x);
    const scores = contract(transformed, words, { inputAxis: 1 }, context.child('decoder'));
    return scores.add(materialize(this.bias));
  }
}

/** The words that were masked. The output layer is the word embedding. */
export class BertForMaskedLM implements Model, TakesVectors, TiesWeights {
  readonly bert: BertModel;
  readonly cls: { readonly predictions: BertLMPredictionHead };
  readonly config: BertConfig;

  constructor(bert: BertModel, predictions: BertLMPredictionHead, config: BertConfig) {
    this.bert = bert;
    this.cls = { predictions };
    this.config = config;
  }

  static init(config: BertConfig, key: Tensor): BertForMaskedLM {
    const { hidden_size: width, tie_word_embeddings } = config;
    if (!tie_word_embeddings) {
      throw new LorikeetError('unsupported', 'an output layer that is not tied to its embedding', {
        path: 'tie_word_embeddings',
        expected: 'true',
        received: 'false',
      });
    }
    const transform = new BertPredictionHeadTransform(
      bertLinear(config, width, width, foldIn(key, 'transform')),
      LayerNorm.init(width, config.layer_norm_eps),
      config.hidden_act,
    );
    return new BertForMaskedLM(
      BertModel.init(config, foldIn(key, 'bert'), { pooler: false }),
      new BertLMPredictionHead(transform, zeros([config.vocab_size])),
      config,
    );
  }

  get inputSite(): InputSite {
    return siteWithin('bert', this.bert, 'tokens');
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return {
      'cls.predictions.decoder.weight': 'bert.embeddings.word_embeddings.weight',
      'cls.predictions.decoder.bias': 'cls.predictions.bias',
    };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.bert.embed(ids, context.child('bert'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call('bert', this.bert, inputs);
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const words = tiedPart(this.bert.embeddings.word_embeddings.weight);
    const logits = context.call('cls.predictions', this.cls.predictions, last_hidden_state, words); // [B, T, V]
    return {
      logits,
      hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}
