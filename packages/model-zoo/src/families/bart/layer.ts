import {
  type AttentionSite,
  activation,
  afterPast,
  type Context,
  type KeyValues,
  LayerNorm,
  Linear,
  mergeHeads,
  normalInitializer,
  type OpenAttention,
  type Past,
  sightOf,
  splitHeads,
} from '@lorikeet/nn';
import { attention, foldIn, type Tensor } from '@lorikeet/tensor-core';

/** What an attention takes beside its input. */
interface BartLook {
  /** [B, S, D], what is looked at; the input itself without it. */
  readonly memory?: Tensor | undefined;
  /** Its keys and values, where they are there already. */
  readonly known?: KeyValues | undefined;
  /** Bool, broadcastable to [B, H, T, S]. */
  readonly mask: Tensor | undefined;
  readonly past?: Past | undefined;
}

/** The sizes and rates of a layer, whatever a config calls them. */
export interface BartLayerConfig {
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
  readonly activation: string;
  readonly rates: { readonly dropout: number; readonly attention: number; readonly inner: number };
  readonly deviation: number;
  readonly bias: boolean;
  /** Whether tokens see those before them only. */
  readonly causal: boolean;
  /** Whether tokens look at what an encoder made, too. */
  readonly crosses: boolean;
  /** Whether norms are before each part, and not behind the sum. */
  readonly normsBefore: boolean;
}

class BartAttention implements OpenAttention {
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly q_proj: Linear;
  readonly out_proj: Linear;
  readonly heads: number;
  readonly width: number;
  readonly causal: boolean;
  readonly dropout: number;

  constructor(linear: (name: string) => Linear, config: BartLayerConfig, causal: boolean) {
    this.k_proj = linear('k_proj');
    this.v_proj = linear('v_proj');
    this.q_proj = linear('q_proj');
    this.out_proj = linear('out_proj');
    this.heads = config.heads;
    this.width = config.width;
    this.causal = causal;
    this.dropout = config.rates.attention;
  }

  get attentionSite(): AttentionSite {
    const { heads, width } = this;
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, _look: BartLook, context: Context): Tensor {
    return splitHeads(context.call('q_proj', this.q_proj, x), this.heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('k_proj', this.k_proj, x), this.heads),
      value: splitHeads(context.call('v_proj', this.v_proj, x), this.heads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('out_proj', this.out_proj, attended);
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, look: BartLook, context: Context): Tensor {
    const { memory, known, mask, past } = look;
    const { key, value } = afterPast(past, known ?? this.keyValues(memory ?? x, context)); // [B, H, P + S, K]
    const sight = { mask, causal: this.causal };
    const { key: randomness } = context.child('attention');
    const attended = attention(this.queries(x, look, context), key, value, {
      ...sightOf(past, sight, x.shape[1] ?? 0, key.shape[2] ?? 0),
      dropout: randomness === undefined ? undefined : { rate: this.dropout, key: randomness },
    });
    return this.project(mergeHeads(attended), context);
  }
}

/** One layer of an encoder or a decoder. */
export class BartLayer {
  readonly self_attn: BartAttention;
  readonly self_attn_layer_norm: LayerNorm;
  readonly encoder_attn: BartAttention | null;
  readonly encoder_attn_layer_norm: LayerNorm | null;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly final_layer_norm: LayerNorm;
  readonly activation: string;
  readonly rates: BartLayerConfig['rates'];
  readonly normsBefore: boolean;

  private constructor(config: BartLayerConfig, key: Tensor) {
    const { width, inner, bias, deviation } = config;
    const initializer = normalInitializer(deviation);
    const linear = (inFeatures: number, outFeatures: number, name: string): Linear =>
      Linear.init({ inFeatures, outFeatures, bias, initializer }, foldIn(key, name));
    const attentionAt = (place: string, causal: boolean): BartAttention =>
      new BartAttention((name) => linear(width, width, `${place}.${name}`), config, causal);
    const norm = (): LayerNorm => LayerNorm.init(width, 1e-5);
    this.self_attn = attentionAt('self_attn', config.causal);
    this.self_attn_layer_norm = norm();
    this.encoder_attn = config.crosses ? attentionAt('encoder_attn', false) : null;
    this.encoder_attn_layer_norm = config.crosses ? norm() : null;
    this.fc1 = linear(width, inner, 'fc1');
    this.fc2 = linear(inner, width, 'fc2');
    this.final_layer_norm = norm();
    this.activation = config.activation;
    this.rates = config.rates;
    this.normsBefore = config.normsBefore;
  }

  static init(config: BartLayerConfig, key: Tensor): BartLayer {
    return new BartLayer(config, key);
  }

  /** @param x [B, T, D]; the result too. @param cross of what an encoder made; nothing of a decoder alone. */
  call(x: Tensor, own: BartLook, cross: BartLook, context: Context): Tensor {
    const { encoder_attn: reader, encoder_attn_layer_norm: readerNorm } = this;
    const seen = this.around(
      'self_attn_layer_norm',
      this.self_attn_layer_norm,
      x,
      context,
      (state) => context.call('self_attn', this.self_attn, state, own),
    );
    const read =
      reader && readerNorm && (cross.memory ?? cross.known) !== undefined
        ? this.around('encoder_attn_layer_norm', readerNorm, seen, context, (state) =>
            context.call('encoder_attn', reader, state, cross),
          )
        : seen;
    return this.around('final_layer_norm', this.final_layer_norm, read, context, (state) => {
      const hidden = activation(this.activation)(context.call('fc1', this.fc1, state)); // [B, T, F]
      const kept = context.child('activation').dropout(hidden, this.rates.inner);
      return context.call('fc2', this.fc2, kept);
    });
  }

  /** `x` and what a part makes of it, with a norm before the part or behind the sum. */
  private around(
    label: string,
    norm: LayerNorm,
    x: Tensor,
    context: Context,
    part: (x: Tensor) => Tensor,
  ): Tensor {
    const normalized = (state: Tensor): Tensor => context.call(label, norm, state);
    const made = part(this.normsBefore ? normalized(x) : x);
    const sum = x.add(context.child(`${label}.dropout`).dropout(made, this.rates.dropout));
    return this.normsBefore ? sum : normalized(sum);
  }
}
