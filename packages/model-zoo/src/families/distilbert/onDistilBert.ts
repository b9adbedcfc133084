import {
  type Context,
  type InputSite,
  type Linear,
  siteWithin,
  type TakesVectors,
} from '@lorikeet/nn';
import { foldIn, relu, reshape, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import type { DistilBertConfig } from './config.ts';
import { DistilBertModel } from './distilBertModel.ts';
import { distilBertLinear } from './layer.ts';

/** What all models with a head on DistilBERT have. */
export abstract class OnDistilBert implements Model, TakesVectors {
  readonly distilbert: DistilBertModel;
  readonly config: DistilBertConfig;

  constructor(distilbert: DistilBertModel, config: DistilBertConfig) {
    this.distilbert = distilbert;
    this.config = config;
  }

  get inputSite(): InputSite {
    return siteWithin('distilbert', this.distilbert, this.labelled);
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.distilbert.embed(ids, context.child('distilbert'));
  }

  /** Whether labels belong to tokens or to rows. */
  protected abstract get labelled(): InputSite['labels'];

  abstract call(inputs: ModelInputs, context: Context): ModelOutputs;
}

export function initDistilBert(config: DistilBertConfig, key: Tensor): DistilBertModel {
  return DistilBertModel.init(config, foldIn(key, 'distilbert'));
}

/** The layer before those heads that tell something of a whole text. */
export function preClassifier(config: DistilBertConfig, key: Tensor): Linear {
  return distilBertLinear(config, config.dim, config.dim, foldIn(key, 'pre_classifier'));
}

/** That of the first token: [B, T, D] to [B, D]. */
export function pooledBy(layer: Linear, x: Tensor, context: Context): Tensor {
  const [batch = 0, , width = 0] = x.shape;
  return relu(
    context.call('pre_classifier', layer, reshape(sliceAxis(x, 1, 0, 1), [batch, width])),
  );
}
