import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';

/** The fields of a T5 `config.json`, under Hugging Face's names. */
export interface T5Config extends LabelFields {
  readonly vocab_size: number;
  readonly d_model: number;
  /** Numbers in a head. */
  readonly d_kv: number;
  readonly d_ff: number;
  readonly num_layers: number;
  /** As many as the encoder has, if there is no such field. */
  readonly num_decoder_layers?: number | null | undefined;
  readonly num_heads: number;
  readonly relative_attention_num_buckets: number;
  readonly relative_attention_max_distance: number;
  readonly dropout_rate: number;
  readonly classifier_dropout: number;
  readonly layer_norm_epsilon: number;
  readonly initializer_factor: number;
  /** `relu`, as version 1.0 has it; `gated-gelu`, as version 1.1; other functions in their places. */
  readonly feed_forward_proj: string;
  readonly pad_token_id: number;
  readonly eos_token_id: number;
  readonly decoder_start_token_id: number;
  /** Whether the output layer is the word embedding: then its input is divided by the root of the width. */
  readonly tie_word_embeddings: boolean;
  /** What transformers 5 writes where it ties what was apart. */
  readonly scale_decoder_outputs?: boolean | undefined;
  readonly [field: string]: unknown;
}

const count = z.int().positive();
const rate = z.number().min(0).lt(1);

export const t5Schema: z.ZodType<T5Config> = z.looseObject({
  vocab_size: count.default(32128),
  d_model: count.default(512),
  d_kv: count.default(64),
  d_ff: count.default(2048),
  num_layers: z.int().min(0).default(6),
  num_decoder_layers: z.int().min(0).nullish(),
  num_heads: count.default(8),
  relative_attention_num_buckets: z.int().min(4).default(32),
  relative_attention_max_distance: count.default(128),
  dropout_rate: rate.default(0.1),
  classifier_dropout: rate.default(0),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  initializer_factor: z.number().positive().default(1),
  feed_forward_proj: z
    .string()
    .regex(/^(gated-)?[a-z0-9_]+$/, 'must be a function, or gated- and a function')
    .default('relu'),
  pad_token_id: z.int().min(0).default(0),
  eos_token_id: z.int().min(0).default(1),
  decoder_start_token_id: z.int().min(0).default(0),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().optional(),
  ...labelFields,
});

/** Layers of the decoder. */
export function decoderLayers({ num_decoder_layers, num_layers }: T5Config): number {
  return num_decoder_layers ?? num_layers;
}

/** The function of the feed-forward layers, and whether it gates. */
export function feedForward({ feed_forward_proj: kind }: T5Config): {
  readonly activation: string;
  readonly isGated: boolean;
} {
  if (kind === 'gated-gelu') return { activation: 'gelu_new', isGated: true };
  const isGated = kind.startsWith('gated-');
  return { activation: isGated ? kind.slice('gated-'.length) : kind, isGated };
}

/** Whether the output layer is the word embedding. */
export function isTied({ tie_word_embeddings, scale_decoder_outputs }: T5Config): boolean {
  return tie_word_embeddings && scale_decoder_outputs !== false;
}
