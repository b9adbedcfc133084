import { z } from 'zod';
import { labelFields } from '../../heads/labelFields.ts';
import type { HeadFields } from '../../heads/textHeads.ts';
import { withWholeHeads } from '../bert/config.ts';
import type { RopeConfig, RopeFields } from '../llama/config.ts';

/** What a layer sees: everything, or what is near. */
export type LayerKind = 'full_attention' | 'sliding_attention';

/** The fields of a ModernBERT `config.json`, under Hugging Face's names. */
export interface ModernBertConfig extends HeadFields {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_activation: string;
  readonly max_position_embeddings: number;
  readonly norm_eps: number;
  readonly norm_bias: boolean;
  readonly pad_token_id: number | null;
  readonly attention_bias: boolean;
  readonly attention_dropout: number;
  /** What each layer sees; every `global_attn_every_n_layers`th one everything, if there is no such field. */
  readonly layer_types?: readonly LayerKind[] | null | undefined;
  readonly global_attn_every_n_layers: number;
  /** Tokens that a layer sees which does not see everything, half of them on each side. */
  readonly local_attention: number;
  readonly global_rope_theta: number;
  readonly local_rope_theta: number | null;
  /** What transformers 5 has in the place of both. */
  readonly rope_parameters?:
    | Readonly<Partial<Record<LayerKind, RopeFields | null | undefined>>>
    | null
    | undefined;
  readonly embedding_dropout: number;
  readonly mlp_bias: boolean;
  readonly mlp_dropout: number;
  readonly decoder_bias: boolean;
  readonly classifier_pooling: 'cls' | 'mean';
  readonly classifier_dropout: number;
  readonly classifier_bias: boolean;
  readonly classifier_activation: string;
}

const count = z.int().positive();
const rate = z.number().min(0).lt(1);
const theta = z.number().positive();
const kind = z.enum(['full_attention', 'sliding_attention']);
const rope = z
  .looseObject({ rope_theta: theta.optional(), rope_type: z.string().optional() })
  .nullish();

export const modernBertSchema: z.ZodType<ModernBertConfig> = withWholeHeads(
  z.looseObject({
    vocab_size: count.default(50368),
    hidden_size: count.default(768),
    intermediate_size: count.default(1152),
    num_hidden_layers: z.int().min(0).default(22),
    num_attention_heads: count.default(12),
    hidden_activation: z.string().default('gelu'),
    max_position_embeddings: count.default(8192),
    initializer_range: z.number().positive().default(0.02),
    norm_eps: z.number().positive().default(1e-5),
    norm_bias: z.boolean().default(false),
    pad_token_id: z.int().nullable().default(50283),
    attention_bias: z.boolean().default(false),
    attention_dropout: rate.default(0),
    layer_types: z.array(kind).nullish(),
    global_attn_every_n_layers: count.default(3),
    local_attention: count.default(128),
    global_rope_theta: theta.default(160_000),
    local_rope_theta: theta.nullable().default(10_000),
    rope_parameters: z.looseObject({ full_attention: rope, sliding_attention: rope }).nullish(),
    embedding_dropout: rate.default(0),
    mlp_bias: z.boolean().default(false),
    mlp_dropout: rate.default(0),
    decoder_bias: z.boolean().default(true),
    classifier_pooling: z.enum(['cls', 'mean']).default('cls'),
    classifier_dropout: rate.default(0),
    classifier_bias: z.boolean().default(false),
    classifier_activation: z.string().default('gelu'),
    tie_word_embeddings: z.boolean().default(true),
    ...labelFields,
  }),
);

/** What the layer of an index sees. */
export function kindOfLayer(config: ModernBertConfig, index: number): LayerKind {
  const { layer_types, global_attn_every_n_layers: every } = config;
  return layer_types?.[index] ?? (index % every === 0 ? 'full_attention' : 'sliding_attention');
}

/** What rotary positions of a kind of layer need, under Llama's names. */
export function ropeConfig(config: ModernBertConfig, kind: LayerKind): RopeConfig {
  const { hidden_size, num_attention_heads, max_position_embeddings } = config;
  const { global_rope_theta: far, local_rope_theta: near } = config;
  return {
    hidden_size,
    num_attention_heads,
    max_position_embeddings,
    rope_theta: kind === 'full_attention' ? far : (near ?? far),
    rope_parameters: config.rope_parameters?.[kind],
  };
}
