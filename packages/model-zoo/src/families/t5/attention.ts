import {
  type AttentionSite,
  afterPast,
  type Context,
  type KeyValues,
  Linear,
  mergeHeads,
  normalInitializer,
  type OpenAttention,
  type Past,
  RelativePositionBias,
  sightOf,
  splitHeads,
} from '@lorikeet/nn';
import { attention, foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { T5Config } from './config.ts';

/** What an attention of T5 takes beside its input. */
export interface T5Look {
  /** [B, S, D], what is looked at; the input itself without it. */
  readonly memory?: Tensor | undefined;
  /** Its keys and values, where they are there already. */
  readonly known?: KeyValues | undefined;
  /** Bool, broadcastable to [B, H, T, S]. */
  readonly mask: Tensor | undefined;
  /** Added to products of queries and keys, [1, H, T, S]. */
  readonly bias?: Tensor | undefined;
  readonly past?: Past | undefined;
}

interface Projections {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  readonly relative_attention_bias: RelativePositionBias | null;
}

/** Attention whose products are not scaled. The first layer has the bias of distances for all. */
export class T5Attention implements OpenAttention {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  readonly relative_attention_bias: RelativePositionBias | null;
  readonly heads: number;
  readonly width: number;
  readonly headSize: number;
  readonly causal: boolean;
  readonly dropout: number;

  constructor(parts: Projections, causal: boolean, config: T5Config) {
    this.q = parts.q;
    this.k = parts.k;
    this.v = parts.v;
    this.o = parts.o;
    this.relative_attention_bias = parts.relative_attention_bias;
    this.heads = config.num_heads;
    this.width = config.d_model;
    this.headSize = config.d_kv;
    this.causal = causal;
    this.dropout = config.dropout_rate;
  }

  static init(
    config: T5Config,
    role: { readonly causal: boolean; readonly hasBias: boolean },
    key: Tensor,
  ): T5Attention {
    const { d_model: width, d_kv: size, num_heads: heads, initializer_factor: factor } = config;
    const linear = (inFeatures: number, outFeatures: number, fan: number, name: string): Linear =>
      Linear.init(
        {
          inFeatures,
          outFeatures,
          bias: false,
          initializer: normalInitializer(factor / Math.sqrt(fan)),
        },
        foldIn(key, name),
      );
    const inner = heads * size;
    const bias = RelativePositionBias.init(
      {
        heads,
        buckets: config.relative_attention_num_buckets,
        maxDistance: config.relative_attention_max_distance,
        bidirectional: !role.causal,
      },
      foldIn(key, 'relative_attention_bias'),
    );
    return new T5Attention(
      {
        q: linear(width, inner, width * size, 'q'),
        k: linear(width, inner, width, 'k'),
        v: linear(width, inner, width, 'v'),
        o: linear(inner, width, inner, 'o'),
        relative_attention_bias: role.hasBias ? bias : null,
      },
      role.causal,
      config,
    );
  }

  get attentionSite(): AttentionSite {
    const { heads, width, headSize } = this;
    return { width, heads, keyValueHeads: heads, headSize };
  }

  queries(x: Tensor, _look: T5Look, context: Context): Tensor {
    return splitHeads(context.call('q', this.q, x), this.heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('k', this.k, x), this.heads),
      value: splitHeads(context.call('v', this.v, x), this.heads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('o', this.o, attended);
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, look: T5Look, context: Context): Tensor {
    const { memory, known, mask, bias, past } = look;
    const { key, value } = afterPast(past, known ?? this.keyValues(memory ?? x, context));
    const sight = { mask, causal: this.causal };
    const { key: randomness } = context.child('attention');
    const attended = attention(this.queries(x, look, context), key, value, {
      ...sightOf(past, sight, x.shape[1] ?? 0, key.shape[2] ?? 0),
      bias,
      scale: 1,
      dropout: randomness === undefined ? undefined : { rate: this.dropout, key: randomness },
    });
    return this.project(mergeHeads(attended), context);
  }
}
