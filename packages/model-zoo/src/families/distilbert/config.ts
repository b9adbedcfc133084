import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';

/** The fields of a DistilBERT `config.json`, under Hugging Face's names. */
export interface DistilBertConfig extends LabelFields {
  readonly vocab_size: number;
  readonly dim: number;
  readonly hidden_dim: number;
  readonly n_layers: number;
  readonly n_heads: number;
  readonly activation: string;
  readonly dropout: number;
  readonly attention_dropout: number;
  readonly qa_dropout: number;
  readonly seq_classif_dropout: number;
  readonly max_position_embeddings: number;
  readonly initializer_range: number;
  readonly pad_token_id: number | null;
  readonly tie_word_embeddings: boolean;
  readonly [field: string]: unknown;
}

const count = z.int().positive();
const rate = z.number().min(0).lt(1);

export const distilBertSchema: z.ZodType<DistilBertConfig> = z
  .looseObject({
    vocab_size: count.default(30522),
    dim: count.default(768),
    hidden_dim: count.default(3072),
    n_layers: z.int().min(0).default(6),
    n_heads: count.default(12),
    activation: z.string().default('gelu'),
    dropout: rate.default(0.1),
    attention_dropout: rate.default(0.1),
    qa_dropout: rate.default(0.1),
    seq_classif_dropout: rate.default(0.2),
    max_position_embeddings: count.default(512),
    initializer_range: z.number().positive().default(0.02),
    pad_token_id: z.int().nullable().default(0),
    tie_word_embeddings: z.boolean().default(true),
    ...labelFields,
  })
  .refine(({ dim, n_heads }) => dim % n_heads === 0, {
    path: ['dim'],
    message: 'must be a multiple of n_heads',
  });
