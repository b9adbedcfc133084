import {
  type AttentionSite,
  activation,
  type Context,
  Conv1D,
  Dropout,
  type KeyValues,
  LayerNorm,
  multiHeadAttention,
  normalInitializer,
  type OpenAttention,
  type Past,
  splitHeads,
} from '@lorikeet/nn';
import { foldIn, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import type { GPT2Config } from './config.ts';

class GPT2Attention implements OpenAttention {
  /** Query, key and value in one. */
  readonly c_attn: Conv1D;
  readonly c_proj: Conv1D;
  readonly resid_dropout: Dropout;
  readonly heads: number;
  readonly width: number;
  readonly dropout: number;
  /** What products of query and key are multiplied with. */
  readonly scale: number;

  constructor(
    cAttn: Conv1D,
    cProj: Conv1D,
    dropouts: { readonly residual: Dropout; readonly attention: number },
    sizes: { readonly heads: number; readonly width: number },
    scale: number,
  ) {
    this.c_attn = cAttn;
    this.c_proj = cProj;
    this.resid_dropout = dropouts.residual;
    this.dropout = dropouts.attention;
    this.heads = sizes.heads;
    this.width = sizes.width;
    this.scale = scale;
  }

  get attentionSite(): AttentionSite {
    const { heads, width } = this;
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, ...rest: Rest): Tensor {
    return splitHeads(this.parts(x, rest[2])[0], this.heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    const [, key, value] = this.parts(x, context);
    return { key: splitHeads(key, this.heads), value: splitHeads(value, this.heads) };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('c_proj', this.c_proj, attended);
  }

  /** Queries, keys and values, [B, T, D] each. */
  parts(x: Tensor, context: Context): [query: Tensor, key: Tensor, value: Tensor] {
    const fused = context.call('c_attn', this.c_attn, x); // [B, T, 3D]
    const part = (index: number): Tensor => sliceAxis(fused, 2, index * this.width, this.width);
    return [part(0), part(1), part(2)];
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, ...[mask, past, context]: Rest): Tensor {
    const [query, key, value] = this.parts(x, context);
    const options = { heads: this.heads, dropout: this.dropout, scale: this.scale, causal: true };
    const attended = multiHeadAttention(
      { query, key, value, past, mask },
      options,
      context.child('attn_dropout'),
    );
    return context.call('resid_dropout', this.resid_dropout, this.project(attended, context));
  }
}

type Rest = readonly [mask: Tensor | undefined, past: Past | undefined, context: Context];

class GPT2MLP {
  readonly c_fc: Conv1D;
  readonly c_proj: Conv1D;
  readonly dropout: Dropout;
  readonly activation: string;

  constructor(cFc: Conv1D, cProj: Conv1D, dropout: Dropout, activationName: string) {
    this.c_fc = cFc;
    this.c_proj = cProj;
    this.dropout = dropout;
    this.activation = activationName;
  }

  call(x: Tensor, context: Context): Tensor {
    const hidden = activation(this.activation)(context.call('c_fc', this.c_fc, x)); // [B, T, F]
    return context.call('dropout', this.dropout, context.call('c_proj', this.c_proj, hidden));
  }
}

/** One block of the decoder, normalised before each part. */
export class GPT2Block {
  readonly ln_1: LayerNorm;
  readonly attn: GPT2Attention;
  readonly ln_2: LayerNorm;
  readonly mlp: GPT2MLP;

  constructor(ln1: LayerNorm, attn: GPT2Attention, ln2: LayerNorm, mlp: GPT2MLP) {
    this.ln_1 = ln1;
    this.attn = attn;
    this.ln_2 = ln2;
    this.mlp = mlp;
  }

  static init(config: GPT2Config, index: number, key: Tensor): GPT2Block {
    const { n_embd: width, n_head: heads, layer_norm_epsilon: epsilon } = config;
    const inner = config.n_inner ?? 4 * width;
    const layer = (inFeatures: number, outFeatures: number, name: string, shrink = 1): Conv1D =>
      Conv1D.init(
        {
          inFeatures,
          outFeatures,
          initializer: normalInitializer(config.initializer_range * shrink),
        },
        foldIn(key, name),
      );
    // What is added to the residual stream starts smaller, by the number of such sums.
    const shrink = 1 / Math.sqrt(2 * config.n_layer);
    const scale =
      (config.scale_attn_weights ? 1 / Math.sqrt(width / heads) : 1) /
      (config.scale_attn_by_inverse_layer_idx ? index + 1 : 1);
    const residual = new Dropout(config.resid_pdrop);
    return new GPT2Block(
      LayerNorm.init(width, epsilon),
      new GPT2Attention(
        layer(width, 3 * width, 'c_attn'),
        layer(width, width, 'attn.c_proj', shrink),
        { residual, attention: config.attn_pdrop },
        { heads, width },
        scale,
      ),
      LayerNorm.init(width, epsilon),
      new GPT2MLP(
        layer(width, inner, 'c_fc'),
        layer(inner, width, 'mlp.c_proj', shrink),
        residual,
        config.activation_function,
      ),
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, mask: Tensor | undefined, past: Past | undefined, context: Context): Tensor {
    const attended = x.add(
      context.call('attn', this.attn, context.call('ln_1', this.ln_1, x), mask, past),
    );
    return attended.add(context.call('mlp', this.mlp, context.call('ln_2', this.ln_2, attended)));
  }
}
