import { type Context, Dropout, type Linear } from '@lorikeet/nn';
import { foldIn, reshape, sliceAxis, type Tensor, tanh } from '@lorikeet/tensor-core';
import { labelCount } from '../../heads/labelFields.ts';
import { bertLinear } from '../bert/layer.ts';
import type { RobertaConfig } from './config.ts';

/** Dropout with the rate of heads. */
export function headDropout({ classifier_dropout, hidden_dropout_prob }: RobertaConfig): Dropout {
  return new Dropout(classifier_dropout ?? hidden_dropout_prob);
}

/** Two layers on the first token. */
export class RobertaClassificationHead {
  readonly dense: Linear;
  readonly dropout: Dropout;
  readonly out_proj: Linear;

  constructor(dense: Linear, dropout: Dropout, outProj: Linear) {
    this.dense = dense;
    this.dropout = dropout;
    this.out_proj = outProj;
  }

  static init(config: RobertaConfig, key: Tensor): RobertaClassificationHead {
    const { hidden_size: width } = config;
    return new RobertaClassificationHead(
      bertLinear(config, width, width, foldIn(key, 'dense')),
      headDropout(config),
      bertLinear(config, width, labelCount(config), foldIn(key, 'out_proj')),
    );
  }

  /** @param x [B, T, D]; the result is [B, C]. */
  call(x: Tensor, context: Context): Tensor {
    const [batch = 0, , width = 0] = x.shape;
    const first = reshape(sliceAxis(x, 1, 0, 1), [batch, width]);
    const drop = (values: Tensor): Tensor => context.call('dropout', this.dropout, values);
    const dense = tanh(context.call('dense', this.dense, drop(first)));
    return context.call('out_proj', this.out_proj, drop(dense));
  }
}
