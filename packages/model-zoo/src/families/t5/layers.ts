import {
  activation,
  type Context,
  Dropout,
  Linear,
  normalInitializer,
  RMSNorm,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { T5Attention, T5Look } from './attention.ts';
import { feedForward, type T5Config } from './config.ts';

/** What every part of a block has: a norm before it, and dropout behind it. */
abstract class T5Part {
  readonly layer_norm: RMSNorm;
  readonly dropout: Dropout;

  constructor(config: T5Config) {
    this.layer_norm = RMSNorm.init(config.d_model, config.layer_norm_epsilon);
    this.dropout = new Dropout(config.dropout_rate);
  }

  /** `x` and what a part makes of it, normalised. */
  protected around(x: Tensor, context: Context, part: (x: Tensor) => Tensor): Tensor {
    const made = part(context.call('layer_norm', this.layer_norm, x));
    return x.add(context.call('dropout', this.dropout, made));
  }
}

/** Tokens look at tokens of their own text. */
export class T5SelfAttentionPart extends T5Part {
  readonly SelfAttention: T5Attention;

  constructor(attention: T5Attention, config: T5Config) {
    super(config);
    this.SelfAttention = attention;
  }

  call(x: Tensor, look: T5Look, context: Context): Tensor {
    return this.around(x, context, (own) =>
      context.call('SelfAttention', this.SelfAttention, own, look),
    );
  }
}

/** Tokens of the decoder look at what the encoder made. */
export class T5CrossAttentionPart extends T5Part {
  readonly EncDecAttention: T5Attention;

  constructor(attention: T5Attention, config: T5Config) {
    super(config);
    this.EncDecAttention = attention;
  }

  call(x: Tensor, look: T5Look, context: Context): Tensor {
    return this.around(x, context, (own) =>
      context.call('EncDecAttention', this.EncDecAttention, own, look),
    );
  }
}

/** Two layers, or three where one gates another. */
class T5Dense {
  readonly wi: Linear | null;
  readonly wi_0: Linear | null;
  readonly wi_1: Linear | null;
  readonly wo: Linear;
  readonly dropout: Dropout;
  readonly activation: string;

  constructor(
    layers: { readonly wi: Linear; readonly gate: Linear | null; readonly wo: Linear },
    dropout: Dropout,
    activationName: string,
  ) {
    this.wi = layers.gate === null ? layers.wi : null;
    this.wi_0 = layers.gate;
    this.wi_1 = layers.gate === null ? null : layers.wi;
    this.wo = layers.wo;
    this.dropout = dropout;
    this.activation = activationName;
  }

  static init(config: T5Config, key: Tensor): T5Dense {
    const { d_model: width, d_ff: inner, initializer_factor: factor } = config;
    const linear = (inFeatures: number, outFeatures: number, name: string): Linear => {
      const initializer = normalInitializer(factor / Math.sqrt(inFeatures));
      return Linear.init({ inFeatures, outFeatures, bias: false, initializer }, foldIn(key, name));
    };
    const { activation: name, isGated } = feedForward(config);
    return new T5Dense(
      {
        wi: linear(width, inner, 'wi'),
        gate: isGated ? linear(width, inner, 'wi_0') : null,
        wo: linear(inner, width, 'wo'),
      },
      new Dropout(config.dropout_rate),
      name,
    );
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, context: Context): Tensor {
    const { wi, wi_0: gate, wi_1: gated } = this;
    const through = (name: string, layer: Linear | null): Tensor | null =>
      layer && context.call(name, layer, x); // [B, T, F]
    const active = through('wi', wi) ?? through('wi_0', gate) ?? x;
    const hidden = activation(this.activation)(active);
    const other = through('wi_1', gated);
    const product = other === null ? hidden : hidden.mul(other);
    return context.call('wo', this.wo, context.call('dropout', this.dropout, product));
  }
}

/** The feed-forward layers. */
export class T5DensePart extends T5Part {
  readonly DenseReluDense: T5Dense;

  constructor(dense: T5Dense, config: T5Config) {
    super(config);
    this.DenseReluDense = dense;
  }

  static init(config: T5Config, key: Tensor): T5DensePart {
    return new T5DensePart(T5Dense.init(config, foldIn(key, 'DenseReluDense')), config);
  }

  call(x: Tensor, context: Context): Tensor {
    return this.around(x, context, (own) =>
      context.call('DenseReluDense', this.DenseReluDense, own),
    );
  }
}
