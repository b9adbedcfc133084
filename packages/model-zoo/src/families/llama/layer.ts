import {
  type Context,
  GatedMLP,
  type KeyValues,
  Linear,
  normalInitializer,
  RMSNorm,
  type Rotation,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { LlamaAttention } from './attention.ts';
import type { LlamaLikeConfig } from './config.ts';
import type { LlamaDesign } from './design.ts';

/** One layer of the decoder, normalised before each part. */
export class LlamaDecoderLayer {
  readonly input_layernorm: RMSNorm;
  readonly self_attn: LlamaAttention;
  readonly post_attention_layernorm: RMSNorm;
  readonly mlp: GatedMLP;

  constructor(
    inputNorm: RMSNorm,
    attention: LlamaAttention,
    postAttentionNorm: RMSNorm,
    mlp: GatedMLP,
  ) {
    this.input_layernorm = inputNorm;
    this.self_attn = attention;
    this.post_attention_layernorm = postAttentionNorm;
    this.mlp = mlp;
  }

  static init(
    config: LlamaLikeConfig,
    design: LlamaDesign,
    index: number,
    key: Tensor,
  ): LlamaDecoderLayer {
    const norm = (): RMSNorm => RMSNorm.init(config.hidden_size, config.rms_norm_eps);
    return new LlamaDecoderLayer(
      norm(),
      LlamaAttention.init(config, design, index, foldIn(key, 'self_attn')),
      norm(),
      mlp(config, design.bias.mlp, foldIn(key, 'mlp')),
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(
    x: Tensor,
    turn: Rotation,
    mask: Tensor | undefined,
    past: KeyValues | undefined,
    context: Context,
  ): Tensor {
    const normalized = context.call('input_layernorm', this.input_layernorm, x);
    const attended = x.add(context.call('self_attn', this.self_attn, normalized, turn, mask, past));
    const { post_attention_layernorm: norm } = this;
    return attended.add(
      context.call('mlp', this.mlp, context.call('post_attention_layernorm', norm, attended)),
    );
  }
}

function mlp(config: LlamaLikeConfig, bias: boolean, key: Tensor): GatedMLP {
  const { hidden_size: width, intermediate_size: inner } = config;
  const initializer = normalInitializer(config.initializer_range);
  const part = (inFeatures: number, outFeatures: number, name: string): Linear =>
    Linear.init({ inFeatures, outFeatures, bias, initializer }, foldIn(key, name));
  return new GatedMLP(
    {
      gate_proj: part(width, inner, 'gate_proj'),
      up_proj: part(width, inner, 'up_proj'),
      down_proj: part(inner, width, 'down_proj'),
    },
    config.hidden_act,
  );
}
