import {
  type AttentionSite,
  activation,
  afterPast,
  applyRotary,
  type Context,
  type KeyValues,
  LayerNorm,
  type Linear,
  mergeHeads,
  type OpenAttention,
  type Past,
  type Rotation,
  sightOf,
} from '@lorikeet/nn';
import { attention, foldIn, reshape, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { headLinear } from '../../heads/textHeads.ts';
import type { GPTNeoXConfig } from './config.ts';

type Rest = readonly [mask: Tensor | undefined, past: Past | undefined, context: Context];

/** Causal attention of which a part of each head turns with the position. */
class GPTNeoXAttention implements OpenAttention {
  /** Query, key and value of a head side by side, head by head. */
  readonly query_key_value: Linear;
  readonly dense: Linear;
  readonly heads: number;
  readonly width: number;
  readonly dropout: number;

  constructor(queryKeyValue: Linear, dense: Linear, config: GPTNeoXConfig) {
    this.query_key_value = queryKeyValue;
    this.dense = dense;
    this.heads = config.num_attention_heads;
    this.width = config.hidden_size;
    this.dropout = config.attention_dropout;
  }

  get attentionSite(): AttentionSite {
    const { heads, width } = this;
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, turn: Rotation, ...rest: Rest): Tensor {
    return applyRotary(this.parts(x, rest[2])[0], turn);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    const [, key, value] = this.parts(x, context);
    return { key, value };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('dense', this.dense, attended);
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, turn: Rotation, ...[mask, past, context]: Rest): Tensor {
    const [query, key, value] = this.parts(x, context);
    const all = afterPast(past, { key: applyRotary(key, turn), value }); // [B, H, P + T, K]
    const { key: randomness } = context.child('attention');
    const attended = attention(applyRotary(query, turn), all.key, all.value, {
      ...sightOf(past, { mask, causal: true }, x.shape[1] ?? 0, all.key.shape[2] ?? 0),
      dropout: randomness === undefined ? undefined : { rate: this.dropout, key: randomness },
    });
    return this.project(mergeHeads(attended), context);
  }

  /** [B, H, T, K] each, not turned. */
  private parts(x: Tensor, context: Context): readonly [Tensor, Tensor, Tensor] {
    const [batch = 0, time = 0] = x.shape;
    const size = this.width / this.heads;
    const fused = context.call('query_key_value', this.query_key_value, x); // [B, T, 3D]
    const byHead = reshape(fused, [batch, time, this.heads, 3 * size]).permute([0, 2, 1, 3]);
    const part = (index: number): Tensor => sliceAxis(byHead, 3, index * size, size);
    return [part(0), part(1), part(2)];
  }
}

class GPTNeoXMLP {
  readonly dense_h_to_4h: Linear;
  readonly dense_4h_to_h: Linear;
  readonly activation: string;

  constructor(wider: Linear, narrower: Linear, activationName: string) {
    this.dense_h_to_4h = wider;
    this.dense_4h_to_h = narrower;
    this.activation = activationName;
  }

  call(x: Tensor, context: Context): Tensor {
    const hidden = activation(this.activation)(
      context.call('dense_h_to_4h', this.dense_h_to_4h, x),
    ); // [B, T, F]
    return context.call('dense_4h_to_h', this.dense_4h_to_h, hidden);
  }
}

/** One layer of the decoder. */
export class GPTNeoXLayer {
  readonly input_layernorm: LayerNorm;
  readonly post_attention_layernorm: LayerNorm;
  readonly attention: GPTNeoXAttention;
  readonly mlp: GPTNeoXMLP;
  readonly isParallel: boolean;
  readonly dropout: number;

  constructor(attention: GPTNeoXAttention, mlp: GPTNeoXMLP, config: GPTNeoXConfig) {
    this.input_layernorm = LayerNorm.init(config.hidden_size, config.layer_norm_eps);
    this.post_attention_layernorm = LayerNorm.init(config.hidden_size, config.layer_norm_eps);
    this.attention = attention;
    this.mlp = mlp;
    this.isParallel = config.use_parallel_residual;
    this.dropout = config.hidden_dropout;
  }

  static init(config: GPTNeoXConfig, key: Tensor): GPTNeoXLayer {
    const { hidden_size: width, intermediate_size: inner, attention_bias: bias } = config;
    const linear = (from: number, to: number, name: string, hasBias = true): Linear =>
      headLinear(config, [from, to], foldIn(key, name), hasBias);
    return new GPTNeoXLayer(
      new GPTNeoXAttention(
        linear(width, 3 * width, 'query_key_value', bias),
        linear(width, width, 'dense', bias),
        config,
      ),
      new GPTNeoXMLP(
        linear(width, inner, 'dense_h_to_4h'),
        linear(inner, width, 'dense_4h_to_h'),
        config.hidden_act,
      ),
      config,
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, turn: Rotation, ...[mask, past, context]: Rest): Tensor {
    const normalized = context.call('input_layernorm', this.input_layernorm, x);
    const seen = context.call('attention', this.attention, normalized, turn, mask, past);
    const attended = x.add(context.child('post_attention_dropout').dropout(seen, this.dropout));
    const { post_attention_layernorm: norm } = this;
    const own = context.call('post_attention_layernorm', norm, this.isParallel ? x : attended);
    const made = context.call('mlp', this.mlp, own);
    return attended.add(context.child('post_mlp_dropout').dropout(made, this.dropout));
  }
}
