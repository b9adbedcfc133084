import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';

/** The fields of a GPT-2 `config.json`, under Hugging Face's names. */
export interface GPT2Config extends LabelFields {
  readonly vocab_size: number;
  readonly n_positions: number;
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_inner: number | null;
  readonly activation_function: string;
  readonly resid_pdrop: number;
  readonly embd_pdrop: number;
  readonly attn_pdrop: number;
  readonly layer_norm_epsilon: number;
  readonly initializer_range: number;
  readonly scale_attn_weights: boolean;
  readonly scale_attn_by_inverse_layer_idx: boolean;
  readonly tie_word_embeddings: boolean;
  readonly add_cross_attention: false;
  readonly pad_token_id?: number | null | undefined;
  readonly [field: string]: unknown;
}

const count = z.int().positive();
const rate = z.number().min(0).lt(1);

export const gpt2Schema: z.ZodType<GPT2Config> = z
  .looseObject({
    vocab_size: count.default(50257),
    n_positions: count.default(1024),
    n_embd: count.default(768),
    n_layer: z.int().min(0).default(12),
    n_head: count.default(12),
    n_inner: count.nullable().default(null),
    activation_function: z.string().default('gelu_new'),
    resid_pdrop: rate.default(0.1),
    embd_pdrop: rate.default(0.1),
    attn_pdrop: rate.default(0.1),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    initializer_range: z.number().positive().default(0.02),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
    add_cross_attention: z.literal(false).default(false),
    pad_token_id: z.int().nullish(),
    ...labelFields,
  })
  .refine(({ n_embd, n_head }) => n_embd % n_head === 0, {
    path: ['n_embd'],
    message: 'must be a multiple of n_head',
  });
