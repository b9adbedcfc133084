import {
  activation,
  type Context,
  Conv1d,
  Dropout,
  LayerNorm,
  normalInitializer,
} from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import type { DebertaV2Config } from './config.ts';
import { withoutPadding } from './embeddings.ts';

/** A convolution over the words, added to what the first layer gives. */
export class DebertaConvolution {
  readonly conv: Conv1d;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  readonly activation: string;

  constructor(conv: Conv1d, config: DebertaV2Config) {
    this.conv = conv;
    this.LayerNorm = LayerNorm.init(config.hidden_size, config.layer_norm_eps);
    this.dropout = new Dropout(config.hidden_dropout_prob);
    this.activation = config.conv_act;
  }

  static init(config: DebertaV2Config, key: Tensor): DebertaConvolution {
    const { hidden_size: width, conv_kernel_size: kernelSize } = config;
    const conv = Conv1d.init(
      {
        inChannels: width,
        outChannels: width,
        kernelSize,
        padding: Math.floor((kernelSize - 1) / 2),
        groups: config.conv_groups,
        initializer: normalInitializer(config.initializer_range),
      },
      key,
    );
    return new DebertaConvolution(conv, config);
  }

  /** @param x [B, T, D] @param residual [B, T, D] @param mask [B, T] of 0 and 1; the result is [B, T, D]. */
  call(x: Tensor, residual: Tensor, mask: Tensor | undefined, context: Context): Tensor {
    const moved = context.call('conv', this.conv, x.permute([0, 2, 1])).permute([0, 2, 1]);
    const dropped = context.call('dropout', this.dropout, withoutPadding(moved, mask));
    const sum = residual.add(activation(this.activation)(dropped));
    return withoutPadding(context.call('LayerNorm', this.LayerNorm, sum), mask);
  }
}
