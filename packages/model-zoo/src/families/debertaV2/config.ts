import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';
import { withWholeHeads } from '../bert/config.ts';

/** The fields of a `config.json` that all versions of DeBERTa share, under Hugging Face's names. */
export interface DebertaFields extends LabelFields {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: string;
  readonly hidden_dropout_prob: number;
  readonly attention_probs_dropout_prob: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  readonly initializer_range: number;
  readonly layer_norm_eps: number;
  readonly pad_token_id: number | null;
  /** Whether queries and keys meet distances, too. */
  readonly relative_attention: boolean;
  /** How far distances are told apart; `max_position_embeddings` if below 1. */
  readonly max_relative_positions: number;
  /** Whether words get the vector of their position. */
  readonly position_biased_input: boolean;
  /** What meets distances: `c2p` the queries, `p2c` the keys. */
  readonly pos_att_type: readonly string[];
  readonly pooler_dropout: number;
  readonly pooler_hidden_act: string;
  readonly pooler_hidden_size?: number | undefined;
  readonly cls_dropout?: number | null | undefined;
  /** Width of the vectors of words; that of the model, if there is no such field. */
  readonly embedding_size?: number | undefined;
  /** Whether the masked language model has the head of transformers' first version. */
  readonly legacy: boolean;
  readonly tie_word_embeddings: boolean;
}

export type DebertaConfig = DebertaFields & { readonly [field: string]: unknown };

/** The fields of a DeBERTa v2 or v3 `config.json`. */
export type DebertaV2Config = DebertaConfig & {
  /** Rows of distances on each side; far ones share them. All have one of their own, if below 1. */
  readonly position_buckets: number;
  /** Whether distances go through the layers of queries and keys. */
  readonly share_att_key: boolean;
  /** `layer_norm`, or `none`: what happens to the rows of distances. */
  readonly norm_rel_ebd: string;
  /** Size of the convolution beside the first layer; none if 0. */
  readonly conv_kernel_size: number;
  readonly conv_groups: number;
  readonly conv_act: string;
};

const count = z.int().positive();
const rate = z.number().min(0).lt(1);
const kinds = z.union([
  z.array(z.string()),
  z.string().transform((text) =>
    text
      .toLowerCase()
      .split('|')
      .map((kind) => kind.trim()),
  ),
]);

/** For the schema of a version, which says where its defaults differ. */
export const debertaFields: {
  readonly [Field in keyof DebertaFields]-?: z.ZodType<DebertaFields[Field]>;
} = {
  vocab_size: count.default(50265),
  hidden_size: count.default(768),
  num_hidden_layers: z.int().min(0).default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  hidden_act: z.string().default('gelu'),
  hidden_dropout_prob: rate.default(0.1),
  attention_probs_dropout_prob: rate.default(0.1),
  max_position_embeddings: count.default(512),
  type_vocab_size: z.int().min(0).default(0),
  initializer_range: z.number().positive().default(0.02),
  layer_norm_eps: z.number().positive().default(1e-7),
  pad_token_id: z.int().nullable().default(0),
  relative_attention: z.boolean().default(false),
  max_relative_positions: z.int().default(-1),
  position_biased_input: z.boolean().default(true),
  pos_att_type: kinds.nullish().transform((value) => value ?? []),
  pooler_dropout: rate.default(0),
  pooler_hidden_act: z.string().default('gelu'),
  pooler_hidden_size: count.optional(),
  cls_dropout: rate.nullish(),
  embedding_size: count.optional(),
  legacy: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
  ...labelFields,
};

export const debertaV2Schema: z.ZodType<DebertaV2Config> = withWholeHeads(
  z.looseObject({
    ...debertaFields,
    vocab_size: count.default(128100),
    hidden_size: count.default(1536),
    num_hidden_layers: z.int().min(0).default(24),
    num_attention_heads: count.default(24),
    intermediate_size: count.default(6144),
    position_buckets: z.int().default(-1),
    share_att_key: z.boolean().default(false),
    norm_rel_ebd: z.string().default('none'),
    conv_kernel_size: z.int().min(0).default(0),
    conv_groups: count.default(1),
    conv_act: z.string().default('tanh'),
  }),
);

/** How far distances are told apart. */
export function maxDistance(config: DebertaFields): number {
  const { max_relative_positions: most, max_position_embeddings } = config;
  return most < 1 ? max_position_embeddings : most;
}
