import {
  type AttentionSite,
  afterPast,
  applyRotary,
  type Context,
  cappedAttention,
  type KeyValues,
  Linear,
  mergeHeads,
  normalInitializer,
  type OpenAttention,
  type Past,
  RMSNorm,
  type Rotation,
  type Sight,
  sightOf,
  splitHeads,
} from '@lorikeet/nn';
import { attention, foldIn, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { headSize, keyValueHeads, type LlamaLikeConfig } from './config.ts';
import type { LlamaDesign } from './design.ts';

/** What all attentions of the family have, whatever their queries, keys and values come from. */
interface AttentionParts {
  readonly o_proj: Linear;
  /** The norms of queries and keys, [K] each, where a family has them. */
  readonly q_norm: RMSNorm | null;
  readonly k_norm: RMSNorm | null;
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Of the input, and of a head. */
  readonly width: number;
  readonly headSize: number;
  readonly window: number | null;
  readonly dropout: number;
  readonly scale: number;
  readonly cap: number | null;
}

/** Causal attention with rotary positions (Su et al. 2021) and grouped heads (Ainslie et al. 2023). */
abstract class RotaryAttention implements OpenAttention {
  abstract readonly o_proj: Linear;
  readonly q_norm: RMSNorm | null;
  readonly k_norm: RMSNorm | null;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly width: number;
  readonly headSize: number;
  readonly window: number | null;
  readonly dropout: number;
  readonly scale: number;
  readonly cap: number | null;

  constructor(parts: Omit<AttentionParts, 'o_proj'>) {
    this.q_norm = parts.q_norm;
    this.k_norm = parts.k_norm;
    this.heads = parts.heads;
    this.keyValueHeads = parts.keyValueHeads;
    this.width = parts.width;
    this.headSize = parts.headSize;
    this.window = parts.window;
    this.dropout = parts.dropout;
    this.scale = parts.scale;
    this.cap = parts.cap;
  }

  get attentionSite(): AttentionSite {
    const { heads, keyValueHeads, width, headSize } = this;
    return { width, heads, keyValueHeads, headSize };
  }

  /** Queries [B, T, H * K], keys and values [B, T, G * K]. */
  protected abstract parts(x: Tensor, context: Context): readonly [Tensor, Tensor, Tensor];

  /** [B, H, T, K], turned. */
  queries(x: Tensor, turn: Rotation, ...rest: Rest): Tensor {
    return this.turnedQueries(this.parts(x, rest[2])[0], turn, rest[2]);
  }

  /** [B, G, P, K], not turned. */
  keyValues(x: Tensor, context: Context): KeyValues {
    const [, key, value] = this.parts(x, context);
    return {
      key: splitHeads(key, this.keyValueHeads),
      value: splitHeads(value, this.keyValueHeads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('o_proj', this.o_proj, attended);
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, turn: Rotation, ...[mask, past, context]: Rest): Tensor {
    const [query, key, value] = this.parts(x, context);
    const keys = splitHeads(key, this.keyValueHeads); // [B, G, T, K]
    const all = afterPast(past, {
      key: applyRotary(normalized('k_norm', this.k_norm, keys, context), turn),
      value: splitHeads(value, this.keyValueHeads),
    }); // [B, G, P + T, K]
    const turned = this.turnedQueries(query, turn, context);
    const sight = { mask, causal: true, window: this.window ?? undefined };
    const own = sightOf(past, sight, x.shape[1] ?? 0, all.key.shape[2] ?? 0);
    return this.project(mergeHeads(this.attend(turned, all, own, context)), context);
  }

  private turnedQueries(query: Tensor, turn: Rotation, context: Context): Tensor {
    const heads = splitHeads(query, this.heads);
    return applyRotary(normalized('q_norm', this.q_norm, heads, context), turn);
  }

  /** [B, H, T, K] */
  private attend(query: Tensor, { key, value }: KeyValues, sight: Sight, context: Context): Tensor {
    const own = context.child('attention');
    const { cap, scale, dropout: rate } = this;
    if (cap !== null) {
      const options = { ...sight, scale, cap, dropout: rate };
      return cappedAttention(query, key, value, options, own);
    }
    return attention(query, key, value, {
      ...sight,
      scale,
      dropout: own.key === undefined ? undefined : { rate, key: own.key },
    });
  }
}

/** A layer each for queries, keys and values. */
export class LlamaAttention extends RotaryAttention {
  readonly q_proj: Linear;
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly o_proj: Linear;

  constructor(
    projections: { readonly q_proj: Linear; readonly k_proj: Linear; readonly v_proj: Linear },
    parts: AttentionParts,
  ) {
    super(parts);
    this.q_proj = projections.q_proj;
    this.k_proj = projections.k_proj;
    this.v_proj = projections.v_proj;
    this.o_proj = parts.o_proj;
  }

  protected parts(x: Tensor, context: Context): readonly [Tensor, Tensor, Tensor] {
    return [
      context.call('q_proj', this.q_proj, x),
      context.call('k_proj', this.k_proj, x),
      context.call('v_proj', this.v_proj, x),
    ];
  }
}

/** One layer for all of them, as in Phi-3. */
class FusedAttention extends RotaryAttention {
  readonly qkv_proj: Linear;
  readonly o_proj: Linear;

  constructor(qkvProj: Linear, parts: AttentionParts) {
    super(parts);
    this.qkv_proj = qkvProj;
    this.o_proj = parts.o_proj;
  }

  protected parts(x: Tensor, context: Context): readonly [Tensor, Tensor, Tensor] {
    const all = context.call('qkv_proj', this.qkv_proj, x); // [B, T, (H + 2 G) * K]
    const [wide, narrow] = [this.heads * this.headSize, this.keyValueHeads * this.headSize];
    const part = (start: number, size: number): Tensor => sliceAxis(all, 2, start, size);
    return [part(0, wide), part(wide, narrow), part(wide + narrow, narrow)];
  }
}

/** The attention of the layer of an index. */
export function initAttention(
  config: LlamaLikeConfig,
  design: LlamaDesign,
  index: number,
  key: Tensor,
): LlamaAttention | FusedAttention {
  const { bias, windows, unitNorms = false } = design;
  const { hidden_size: width, num_attention_heads: heads } = config;
  const [size, groups] = [headSize(config), keyValueHeads(config)];
  const initializer = normalInitializer(config.initializer_range);
  const linear = (
    inFeatures: number,
    outFeatures: number,
    hasBias: boolean,
    name: string,
  ): Linear =>
    Linear.init({ inFeatures, outFeatures, bias: hasBias, initializer }, foldIn(key, name));
  const norm = (): RMSNorm | null =>
    design.normalizedHeads ? RMSNorm.init(size, config.rms_norm_eps, unitNorms ? 1 : 0) : null;
  const parts: AttentionParts = {
    o_proj: linear(heads * size, width, bias.output, 'o_proj'),
    q_norm: norm(),
    k_norm: norm(),
    heads,
    keyValueHeads: groups,
    width,
    headSize: size,
    window: windows[index] ?? null,
    dropout: config.attention_dropout,
    scale: design.scale ?? 1 / Math.sqrt(size),
    cap: design.caps?.products ?? null,
  };
  if (design.fused)
    return new FusedAttention(
      linear(width, (heads + 2 * groups) * size, bias.inputs, 'qkv_proj'),
      parts,
    );
  return new LlamaAttention(
    {
      q_proj: linear(width, heads * size, bias.inputs, 'q_proj'),
      k_proj: linear(width, groups * size, bias.inputs, 'k_proj'),
      v_proj: linear(width, groups * size, bias.inputs, 'v_proj'),
    },
    parts,
  );
}

type Rest = readonly [mask: Tensor | undefined, past: Past | undefined, context: Context];

function normalized(label: string, norm: RMSNorm | null, heads: Tensor, context: Context): Tensor {
  return norm === null ? heads : context.call(label, norm, heads);
}
