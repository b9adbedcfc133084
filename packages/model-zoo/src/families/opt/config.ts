import { z } from 'zod';
import { labelFields } from '../../heads/labelFields.ts';
import type { HeadFields } from '../../heads/textHeads.ts';

/** The fields of an OPT `config.json`, under Hugging Face's names. */
export interface OPTConfig extends HeadFields {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly ffn_dim: number;
  readonly max_position_embeddings: number;
  readonly activation_function: string;
  readonly dropout: number;
  readonly attention_dropout: number;
  readonly init_std: number;
  readonly pad_token_id: number | null;
  /** Whether norms are before each part, as in all sizes but one. */
  readonly do_layer_norm_before: boolean;
  readonly _remove_final_layer_norm: boolean;
  /** Width of the vectors of words; that of the model, if there is no such field. */
  readonly word_embed_proj_dim?: number | null | undefined;
  readonly enable_bias: boolean;
  readonly layer_norm_elementwise_affine: true;
}

const count = z.int().positive();
const rate = z.number().min(0).lt(1);

export const optSchema: z.ZodType<OPTConfig> = z
  .looseObject({
    vocab_size: count.default(50272),
    hidden_size: count.default(768),
    num_hidden_layers: z.int().min(0).default(12),
    num_attention_heads: count.default(12),
    ffn_dim: count.default(3072),
    max_position_embeddings: count.default(2048),
    activation_function: z.string().default('relu'),
    dropout: rate.default(0.1),
    attention_dropout: rate.default(0),
    init_std: z.number().positive().default(0.02),
    initializer_range: z.number().positive().default(0.02),
    pad_token_id: z.int().nullable().default(1),
    do_layer_norm_before: z.boolean().default(true),
    _remove_final_layer_norm: z.boolean().default(false),
    word_embed_proj_dim: count.nullish(),
    enable_bias: z.boolean().default(true),
    layer_norm_elementwise_affine: z.literal(true).default(true),
    tie_word_embeddings: z.boolean().default(true),
    ...labelFields,
  })
  .refine(({ hidden_size, num_attention_heads }) => hidden_size % num_attention_heads === 0, {
    path: ['hidden_size'],
    message: 'must be a multiple of num_attention_heads',
  });

/** Width of the vectors of words. */
export function wordWidth({ word_embed_proj_dim, hidden_size }: OPTConfig): number {
  return word_embed_proj_dim ?? hidden_size;
}
