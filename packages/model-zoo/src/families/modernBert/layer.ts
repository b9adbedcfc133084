import {
  activation,
  applyRotary,
  type Context,
  LayerNorm,
  type Linear,
  mergeHeads,
  type Rotation,
  splitHeads,
} from '@lorikeet/nn';
import { attention, foldIn, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { headLinear } from '../../heads/textHeads.ts';
import { kindOfLayer, type ModernBertConfig } from './config.ts';

/** Attention to everything, or to what is near, with rotary positions. */
class ModernBertAttention {
  /** Queries, keys and values in one. */
  readonly Wqkv: Linear;
  readonly Wo: Linear;
  readonly heads: number;
  readonly window: number | undefined;
  readonly dropout: number;

  constructor(wqkv: Linear, wo: Linear, window: number | undefined, config: ModernBertConfig) {
    this.Wqkv = wqkv;
    this.Wo = wo;
    this.heads = config.num_attention_heads;
    this.window = window;
    this.dropout = config.attention_dropout;
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, T] */
  call(x: Tensor, turn: Rotation, mask: Tensor | undefined, context: Context): Tensor {
    const width = x.shape[2] ?? 0;
    const fused = context.call('Wqkv', this.Wqkv, x); // [B, T, 3D]
    const part = (index: number): Tensor =>
      splitHeads(sliceAxis(fused, 2, index * width, width), this.heads); // [B, H, T, K]
    const { key: randomness } = context.child('attention');
    const attended = attention(applyRotary(part(0), turn), applyRotary(part(1), turn), part(2), {
      mask,
      window: this.window,
      dropout: randomness === undefined ? undefined : { rate: this.dropout, key: randomness },
    });
    const projected = context.call('Wo', this.Wo, mergeHeads(attended));
    return context.child('out_drop').dropout(projected, this.dropout);
  }
}

/** A gated MLP of which one layer makes both the gate and what it gates. */
class ModernBertMLP {
  readonly Wi: Linear;
  readonly Wo: Linear;
  readonly activation: string;
  readonly dropout: number;

  constructor(wi: Linear, wo: Linear, config: ModernBertConfig) {
    this.Wi = wi;
    this.Wo = wo;
    this.activation = config.hidden_activation;
    this.dropout = config.mlp_dropout;
  }

  call(x: Tensor, context: Context): Tensor {
    const both = context.call('Wi', this.Wi, x); // [B, T, 2F]
    const inner = (both.shape[2] ?? 0) / 2;
    const gated = activation(this.activation)(sliceAxis(both, 2, 0, inner)).mul(
      sliceAxis(both, 2, inner, inner),
    );
    return context.call('Wo', this.Wo, context.child('drop').dropout(gated, this.dropout));
  }
}

/** One layer, normalised before each part; the first one gets what is normalised already. */
export class ModernBertLayer {
  readonly attn_norm: LayerNorm | null;
  readonly attn: ModernBertAttention;
  readonly mlp_norm: LayerNorm;
  readonly mlp: ModernBertMLP;

  private constructor(config: ModernBertConfig, index: number, key: Tensor) {
    const { hidden_size: width, intermediate_size: inner, attention_bias, mlp_bias } = config;
    const linear = (from: number, to: number, name: string, bias: boolean): Linear =>
      headLinear(config, [from, to], foldIn(key, name), bias);
    const isNear = kindOfLayer(config, index) === 'sliding_attention';
    this.attn_norm = index === 0 ? null : modernBertNorm(config);
    this.attn = new ModernBertAttention(
      linear(width, 3 * width, 'attn.Wqkv', attention_bias),
      linear(width, width, 'attn.Wo', attention_bias),
      isNear ? Math.floor(config.local_attention / 2) + 1 : undefined,
      config,
    );
    this.mlp_norm = modernBertNorm(config);
    this.mlp = new ModernBertMLP(
      linear(width, 2 * inner, 'mlp.Wi', mlp_bias),
      linear(inner, width, 'mlp.Wo', mlp_bias),
      config,
    );
  }

  static init(config: ModernBertConfig, index: number, key: Tensor): ModernBertLayer {
    return new ModernBertLayer(config, index, key);
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, T] */
  call(x: Tensor, turn: Rotation, mask: Tensor | undefined, context: Context): Tensor {
    const own = this.attn_norm === null ? x : context.call('attn_norm', this.attn_norm, x);
    const attended = x.add(context.call('attn', this.attn, own, turn, mask));
    const normalized = context.call('mlp_norm', this.mlp_norm, attended);
    return attended.add(context.call('mlp', this.mlp, normalized));
  }
}

/** A norm as all of the family are. */
export function modernBertNorm({ hidden_size, norm_eps, norm_bias }: ModernBertConfig): LayerNorm {
  return LayerNorm.init(hidden_size, norm_eps, norm_bias);
}
