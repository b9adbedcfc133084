import {
  type AttentionSite,
  activation,
  type Context,
  Dropout,
  type KeyValues,
  LayerNorm,
  Linear,
  multiHeadAttention,
  normalInitializer,
  type OpenAttention,
  splitHeads,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { DistilBertConfig } from './config.ts';

/** All norms of the family have it. */
export const normEpsilon = 1e-12;

/** A linear layer with DistilBERT's first values. */
export function distilBertLinear(
  { initializer_range }: DistilBertConfig,
  inFeatures: number,
  outFeatures: number,
  key: Tensor,
): Linear {
  const initializer = normalInitializer(initializer_range);
  return Linear.init({ inFeatures, outFeatures, initializer }, key);
}

type Rest = readonly [mask: Tensor | undefined, past: KeyValues | undefined, context: Context];

interface Projections {
  readonly q_lin: Linear;
  readonly k_lin: Linear;
  readonly v_lin: Linear;
  readonly out_lin: Linear;
}

class DistilBertAttention implements OpenAttention {
  readonly q_lin: Linear;
  readonly k_lin: Linear;
  readonly v_lin: Linear;
  readonly out_lin: Linear;
  readonly heads: number;
  readonly width: number;
  readonly dropout: number;

  constructor(
    projections: Projections,
    sizes: { readonly heads: number; readonly width: number },
    dropout: number,
  ) {
    this.q_lin = projections.q_lin;
    this.k_lin = projections.k_lin;
    this.v_lin = projections.v_lin;
    this.out_lin = projections.out_lin;
    this.heads = sizes.heads;
    this.width = sizes.width;
    this.dropout = dropout;
  }

  get attentionSite(): AttentionSite {
    const { heads, width } = this;
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, ...rest: Rest): Tensor {
    return splitHeads(rest[2].call('q_lin', this.q_lin, x), this.heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('k_lin', this.k_lin, x), this.heads),
      value: splitHeads(context.call('v_lin', this.v_lin, x), this.heads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('out_lin', this.out_lin, attended);
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, ...[mask, past, context]: Rest): Tensor {
    const query = context.call('q_lin', this.q_lin, x);
    const key = context.call('k_lin', this.k_lin, x);
    const value = context.call('v_lin', this.v_lin, x);
    const attended = multiHeadAttention(
      { query, key, value, past, mask },
      { heads: this.heads, dropout: this.dropout },
      context.child('dropout'),
    );
    return this.project(attended, context);
  }
}

class DistilBertFFN {
  readonly lin1: Linear;
  readonly lin2: Linear;
  readonly dropout: Dropout;
  readonly activation: string;

  constructor(lin1: Linear, lin2: Linear, dropout: Dropout, activationName: string) {
    this.lin1 = lin1;
    this.lin2 = lin2;
    this.dropout = dropout;
    this.activation = activationName;
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, context: Context): Tensor {
    const inner = activation(this.activation)(context.call('lin1', this.lin1, x));
    return context.call('dropout', this.dropout, context.call('lin2', this.lin2, inner));
  }
}

/** One block of the encoder, normalised behind each part. */
export class DistilBertLayer {
  readonly attention: DistilBertAttention;
  readonly sa_layer_norm: LayerNorm;
  readonly ffn: DistilBertFFN;
  readonly output_layer_norm: LayerNorm;

  constructor(
    attention: DistilBertAttention,
    attentionNorm: LayerNorm,
    ffn: DistilBertFFN,
    outputNorm: LayerNorm,
  ) {
    this.attention = attention;
    this.sa_layer_norm = attentionNorm;
    this.ffn = ffn;
    this.output_layer_norm = outputNorm;
  }

  static init(config: DistilBertConfig, key: Tensor): DistilBertLayer {
    const { dim, hidden_dim, n_heads } = config;
    const linear = (inFeatures: number, outFeatures: number, name: string): Linear =>
      distilBertLinear(config, inFeatures, outFeatures, foldIn(key, name));
    const norm = (): LayerNorm => LayerNorm.init(dim, normEpsilon);
    return new DistilBertLayer(
      new DistilBertAttention(
        {
          q_lin: linear(dim, dim, 'q_lin'),
          k_lin: linear(dim, dim, 'k_lin'),
          v_lin: linear(dim, dim, 'v_lin'),
          out_lin: linear(dim, dim, 'out_lin'),
        },
        { heads: n_heads, width: dim },
        config.attention_dropout,
      ),
      norm(),
      new DistilBertFFN(
        linear(dim, hidden_dim, 'lin1'),
        linear(hidden_dim, dim, 'lin2'),
        new Dropout(config.dropout),
        config.activation,
      ),
      norm(),
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, mask: Tensor | undefined, past: KeyValues | undefined, context: Context): Tensor {
    const attended = context.call('attention', this.attention, x, mask, past);
    const inner = context.call('sa_layer_norm', this.sa_layer_norm, attended.add(x));
    const changed = context.call('ffn', this.ffn, inner);
    return context.call('output_layer_norm', this.output_layer_norm, changed.add(inner));
  }
}
