import {
  type AttentionSite,
  afterPast,
  applyRotary,
  type Context,
  type KeyValues,
  Linear,
  mergeHeads,
  normalInitializer,
  type OpenAttention,
  RMSNorm,
  type Rotation,
  splitHeads,
} from '@lorikeet/nn';
import { attention, foldIn, type Tensor } from '@lorikeet/tensor-core';
import { headSize, keyValueHeads, type LlamaLikeConfig } from './config.ts';
import type { LlamaDesign } from './design.ts';

interface Projections {
  readonly q_proj: Linear;
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly o_proj: Linear;
}

/** The norms of queries and keys, [K] each, where a family has them. */
interface HeadNorms {
  readonly q_norm: RMSNorm | null;
  readonly k_norm: RMSNorm | null;
}

/** Causal attention with rotary positions (Su et al. 2021) and grouped heads (Ainslie et al. 2023). */
export class LlamaAttention implements OpenAttention {
  readonly q_proj: Linear;
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly o_proj: Linear;
  readonly q_norm: RMSNorm | null;
  readonly k_norm: RMSNorm | null;
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Of the input, and of a head. */
  readonly width: number;
  readonly headSize: number;
  readonly window: number | null;
  readonly dropout: number;

  constructor(
    projections: Projections,
    norms: HeadNorms,
    heads: { readonly query: number; readonly keyValue: number },
    sizes: { readonly width: number; readonly head: number },
    window: number | null,
    dropout: number,
  ) {
    this.q_proj = projections.q_proj;
    this.k_proj = projections.k_proj;
    this.v_proj = projections.v_proj;
    this.o_proj = projections.o_proj;
    this.q_norm = norms.q_norm;
    this.k_norm = norms.k_norm;
    this.heads = heads.query;
    this.keyValueHeads = heads.keyValue;
    this.width = sizes.width;
    this.headSize = sizes.head;
    this.window = window;
    this.dropout = dropout;
  }

  static init(
    config: LlamaLikeConfig,
    { bias, normalizedHeads, windows }: LlamaDesign,
    index: number,
    key: Tensor,
  ): LlamaAttention {
    const { hidden_size: width, num_attention_heads: heads, rms_norm_eps: epsilon } = config;
    const [size, groups] = [headSize(config), keyValueHeads(config)];
    const initializer = normalInitializer(config.initializer_range);
    const projection = (
      inFeatures: number,
      outFeatures: number,
      hasBias: boolean,
      name: string,
    ): Linear =>
      Linear.init({ inFeatures, outFeatures, bias: hasBias, initializer }, foldIn(key, name));
    const norm = (): RMSNorm | null => (normalizedHeads ? RMSNorm.init(size, epsilon) : null);
    return new LlamaAttention(
      {
        q_proj: projection(width, heads * size, bias.inputs, 'q_proj'),
        k_proj: projection(width, groups * size, bias.inputs, 'k_proj'),
        v_proj: projection(width, groups * size, bias.inputs, 'v_proj'),
        o_proj: projection(heads * size, width, bias.output, 'o_proj'),
      },
      { q_norm: norm(), k_norm: norm() },
      { query: heads, keyValue: groups },
      { width, head: size },
      windows[index] ?? null,
      config.attention_dropout,
    );
  }

  get attentionSite(): AttentionSite {
    const { heads, keyValueHeads, width, headSize } = this;
    return { width, heads, keyValueHeads, headSize };
  }

  /** [B, H, T, K], turned. */
  queries(x: Tensor, turn: Rotation, ...rest: Rest): Tensor {
    const context = rest[2];
    const query = splitHeads(context.call('q_proj', this.q_proj, x), this.heads);
    return applyRotary(normalized('q_norm', this.q_norm, query, context), turn);
  }

  /** [B, G, P, K], not turned. */
  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('k_proj', this.k_proj, x), this.keyValueHeads),
      value: splitHeads(context.call('v_proj', this.v_proj, x), this.keyValueHeads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('o_proj', this.o_proj, attended);
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, turn: Rotation, ...rest: Rest): Tensor {
    const [mask, past, context] = rest;
    const { key, value } = this.keyValues(x, context); // [B, G, T, K]
    const turned = applyRotary(normalized('k_norm', this.k_norm, key, context), turn);
    const all = afterPast(past, { key: turned, value }); // [B, G, P + T, K]
    const { key: randomness } = context.child('attention');
    const attended = attention(this.queries(x, turn, ...rest), all.key, all.value, {
      mask,
      causal: true,
      window: this.window ?? undefined,
      dropout: randomness === undefined ? undefined : { rate: this.dropout, key: randomness },
    }); // [B, H, T, K]
    return this.project(mergeHeads(attended), context);
  }
}

type Rest = readonly [mask: Tensor | undefined, past: KeyValues | undefined, context: Context];

function normalized(label: string, norm: RMSNorm | null, heads: Tensor, context: Context): Tensor {
  return norm === null ? heads : context.call(label, norm, heads);
}
