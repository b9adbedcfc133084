import { z } from 'zod';
import { type BertConfig, bertFields, withWholeHeads } from '../bert/config.ts';

/** The fields of an ELECTRA `config.json`: those of BERT, and the width of words. */
export type ElectraConfig = BertConfig & {
  readonly embedding_size: number;
  /** What makes one vector of a text, for multiple choice. */
  readonly summary_type: 'first';
  readonly summary_use_proj: boolean;
  readonly summary_activation: string | null;
  readonly summary_last_dropout: number;
};

const count = z.int().positive();

export const electraSchema: z.ZodType<ElectraConfig> = withWholeHeads(
  z.looseObject({
    ...bertFields({
      vocab_size: 30522,
      max_position_embeddings: 512,
      type_vocab_size: 2,
      layer_norm_eps: 1e-12,
      pad_token_id: 0,
    }),
    embedding_size: count.default(128),
    hidden_size: count.default(256),
    num_attention_heads: count.default(4),
    intermediate_size: count.default(1024),
    summary_type: z.literal('first').default('first'),
    summary_use_proj: z.boolean().default(true),
    summary_activation: z.string().nullable().default('gelu'),
    summary_last_dropout: z.number().min(0).lt(1).default(0.1),
  }),
);
