import {
  type Context,
  GatedMLP,
  Linear,
  normalInitializer,
  type Past,
  RMSNorm,
  type Rotation,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { initAttention } from './attention.ts';
import type { LlamaLikeConfig } from './config.ts';
import type { LlamaDesign } from './design.ts';
import { FusedMLP } from './fusedMlp.ts';

/** The norms of a layer: one before each part, and one behind each where a family has them. */
interface LayerNorms {
  readonly input: RMSNorm;
  readonly postAttention: RMSNorm;
  readonly preFeedforward: RMSNorm | null;
  readonly postFeedforward: RMSNorm | null;
}

/** One layer of the decoder, normalised before each part, and behind it in Gemma 2. */
export class LlamaDecoderLayer {
  readonly input_layernorm: RMSNorm;
  readonly self_attn: ReturnType<typeof initAttention>;
  /** Before the MLP; behind the attention, where the MLP has norms of its own. */
  readonly post_attention_layernorm: RMSNorm;
  readonly pre_feedforward_layernorm: RMSNorm | null;
  readonly post_feedforward_layernorm: RMSNorm | null;
  readonly mlp: GatedMLP | FusedMLP;
  readonly residualDropout: number;

  constructor(
    norms: LayerNorms,
    attention: ReturnType<typeof initAttention>,
    mlp: GatedMLP | FusedMLP,
    residualDropout: number,
  ) {
    this.input_layernorm = norms.input;
    this.self_attn = attention;
    this.post_attention_layernorm = norms.postAttention;
    this.pre_feedforward_layernorm = norms.preFeedforward;
    this.post_feedforward_layernorm = norms.postFeedforward;
    this.mlp = mlp;
    this.residualDropout = residualDropout;
  }

  static init(
    config: LlamaLikeConfig,
    design: LlamaDesign,
    index: number,
    key: Tensor,
  ): LlamaDecoderLayer {
    const norm = (): RMSNorm =>
      RMSNorm.init(config.hidden_size, config.rms_norm_eps, design.unitNorms ? 1 : 0);
    return new LlamaDecoderLayer(
      {
        input: norm(),
        postAttention: norm(),
        preFeedforward: design.normsBehind ? norm() : null,
        postFeedforward: design.normsBehind ? norm() : null,
      },
      initAttention(config, design, index, foldIn(key, 'self_attn')),
      mlp(config, design, foldIn(key, 'mlp')),
      design.residualDropout ?? 0,
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(
    x: Tensor,
    turn: Rotation,
    mask: Tensor | undefined,
    past: Past | undefined,
    context: Context,
  ): Tensor {
    const { post_attention_layernorm: postAttention, pre_feedforward_layernorm: before } = this;
    const { post_feedforward_layernorm: behind } = this;
    const dropped = (label: string, part: Tensor): Tensor =>
      context.child(label).dropout(part, this.residualDropout);
    const normalized = context.call('input_layernorm', this.input_layernorm, x);
    const seen = context.call('self_attn', this.self_attn, normalized, turn, mask, past);
    const attended = before ? context.call('post_attention_layernorm', postAttention, seen) : seen;
    const state = x.add(dropped('resid_attn_dropout', attended));
    const own = before
      ? context.call('pre_feedforward_layernorm', before, state)
      : context.call('post_attention_layernorm', postAttention, state);
    const made = context.call('mlp', this.mlp, own);
    const added = behind ? context.call('post_feedforward_layernorm', behind, made) : made;
    return state.add(dropped('resid_mlp_dropout', added));
  }
}

function mlp(config: LlamaLikeConfig, design: LlamaDesign, key: Tensor): GatedMLP | FusedMLP {
  const { hidden_size: width, intermediate_size: inner } = config;
  const initializer = normalInitializer(config.initializer_range);
  const name = design.activation ?? config.hidden_act;
  const { mlp: bias } = design.bias;
  const part = (inFeatures: number, outFeatures: number, label: string): Linear =>
    Linear.init({ inFeatures, outFeatures, bias, initializer }, foldIn(key, label));
  const down = part(inner, width, 'down_proj');
  if (design.fused) return new FusedMLP(part(width, 2 * inner, 'gate_up_proj'), down, name);
  return new GatedMLP(
    {
      gate_proj: part(width, inner, 'gate_proj'),
      up_proj: part(width, inner, 'up_proj'),
      down_proj: down,
    },
    name,
  );
}
