import { z } from 'zod';
import { labelFields } from '../../heads/labelFields.ts';
import type { HeadFields } from '../../heads/textHeads.ts';
import {
  type LlamaLikeFields,
  type RopeConfig,
  ropeFields,
  rotaryDimension,
} from '../llama/config.ts';

/** The fields of a GPT-NeoX `config.json`, under Hugging Face's names. */
export interface GPTNeoXConfig
  extends HeadFields,
    Pick<
      LlamaLikeFields,
      'max_position_embeddings' | 'rope_scaling' | 'rope_parameters' | 'partial_rotary_factor'
    > {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: string;
  readonly attention_dropout: number;
  readonly hidden_dropout: number;
  readonly layer_norm_eps: number;
  /** Whether the attention and the MLP start from the same state. */
  readonly use_parallel_residual: boolean;
  readonly attention_bias: boolean;
  readonly pad_token_id?: number | null | undefined;
  /** What transformers 4 calls the part of a head that turns, and the base. */
  readonly rotary_pct: number;
  readonly rotary_emb_base: number;
}

const count = z.int().positive();
const rate = z.number().min(0).lt(1);
const part = z.number().positive().max(1);

export const gptNeoXSchema: z.ZodType<GPTNeoXConfig> = z
  .looseObject({
    vocab_size: count.default(50432),
    hidden_size: count.default(6144),
    num_hidden_layers: z.int().min(0).default(44),
    num_attention_heads: count.default(64),
    intermediate_size: count.default(24576),
    hidden_act: z.string().default('gelu'),
    attention_dropout: rate.default(0),
    hidden_dropout: rate.default(0),
    max_position_embeddings: count.default(2048),
    initializer_range: z.number().positive().default(0.02),
    layer_norm_eps: z.number().positive().default(1e-5),
    tie_word_embeddings: z.boolean().default(false),
    use_parallel_residual: z.boolean().default(true),
    attention_bias: z.boolean().default(true),
    rotary_pct: part.default(0.25),
    rotary_emb_base: z.number().positive().default(10_000),
    pad_token_id: z.int().nullish(),
    ...ropeFields(part.optional()),
    ...labelFields,
  })
  .refine(({ hidden_size, num_attention_heads }) => hidden_size % num_attention_heads === 0, {
    path: ['hidden_size'],
    message: 'must be a multiple of num_attention_heads',
  })
  .refine((config) => rotaryDimension(neoXRope(config)) % 2 === 0, {
    path: ['rotary_pct'],
    message: 'must turn an even part of a head',
  });

/** What rotary positions need, under Llama's names. */
export function neoXRope(config: GPTNeoXConfig): RopeConfig {
  return {
    ...config,
    head_dim: null,
    rope_theta: config.rotary_emb_base,
    partial_rotary_factor: config.rotary_pct,
  };
}
