import {
  type AttentionSite,
  activation,
  type Context,
  type KeyValues,
  LayerNorm,
  type Linear,
  multiHeadAttention,
  type OpenAttention,
  splitHeads,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { bertLinear } from '../bert/layer.ts';
import type { AlbertConfig } from './config.ts';

type Rest = readonly [mask: Tensor | undefined, past: KeyValues | undefined, context: Context];

/** BERT's attention, with its output and norm in one module. */
class AlbertAttention implements OpenAttention {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly heads: number;
  readonly width: number;
  readonly rates: { readonly attention: number; readonly output: number };

  constructor(linear: (name: string) => Linear, config: AlbertConfig) {
    this.query = linear('query');
    this.key = linear('key');
    this.value = linear('value');
    this.dense = linear('dense');
    this.LayerNorm = LayerNorm.init(config.hidden_size, config.layer_norm_eps);
    this.heads = config.num_attention_heads;
    this.width = config.hidden_size;
    this.rates = {
      attention: config.attention_probs_dropout_prob,
      output: config.hidden_dropout_prob,
    };
  }

  get attentionSite(): AttentionSite {
    const { heads, width } = this;
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, ...rest: Rest): Tensor {
    return splitHeads(rest[2].call('query', this.query, x), this.heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('key', this.key, x), this.heads),
      value: splitHeads(context.call('value', this.value, x), this.heads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('dense', this.dense, attended);
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, ...[mask, past, context]: Rest): Tensor {
    const query = context.call('query', this.query, x);
    const key = context.call('key', this.key, x);
    const value = context.call('value', this.value, x);
    const attended = multiHeadAttention(
      { query, key, value, past, mask },
      { heads: this.heads, dropout: this.rates.attention },
      context.child('attention_dropout'),
    );
    const projected = this.project(attended, context);
    const kept = context.child('output_dropout').dropout(projected, this.rates.output);
    return context.call('LayerNorm', this.LayerNorm, x.add(kept));
  }
}

/** One block of the encoder. */
export class AlbertLayer {
  readonly full_layer_layer_norm: LayerNorm;
  readonly attention: AlbertAttention;
  readonly ffn: Linear;
  readonly ffn_output: Linear;
  readonly activation: string;

  private constructor(config: AlbertConfig, key: Tensor) {
    const { hidden_size: width, intermediate_size: inner } = config;
    const linear = (from: number, to: number, name: string): Linear =>
      bertLinear(config, from, to, foldIn(key, name));
    this.full_layer_layer_norm = LayerNorm.init(width, config.layer_norm_eps);
    this.attention = new AlbertAttention((name) => linear(width, width, name), config);
    this.ffn = linear(width, inner, 'ffn');
    this.ffn_output = linear(inner, width, 'ffn_output');
    this.activation = config.hidden_act;
  }

  static init(config: AlbertConfig, key: Tensor): AlbertLayer {
    return new AlbertLayer(config, key);
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, ...[mask, past, context]: Rest): Tensor {
    const attended = context.call('attention', this.attention, x, mask, past);
    const hidden = activation(this.activation)(context.call('ffn', this.ffn, attended)); // [B, T, F]
    const made = context.call('ffn_output', this.ffn_output, hidden);
    return context.call('full_layer_layer_norm', this.full_layer_layer_norm, made.add(attended));
  }
}
