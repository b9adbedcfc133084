import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';

/** The fields of a BERT `config.json`, under Hugging Face's names. */
export interface BertFields extends LabelFields {
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
  readonly classifier_dropout: number | null;
  readonly position_embedding_type: 'absolute';
  readonly is_decoder: false;
  readonly tie_word_embeddings: boolean;
}

export type BertConfig = BertFields & { readonly [field: string]: unknown };

const count = z.int().positive();
const rate = z.number().min(0).lt(1);

/** Where the defaults of families of BERT's build differ. */
interface BertDefaults {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  readonly layer_norm_eps: number;
  readonly pad_token_id: number;
}

/** For the schema of a family, which says where its own defaults differ. */
export function bertFields(defaults: BertDefaults): {
  readonly [Field in keyof BertFields]-?: z.ZodType<BertFields[Field]>;
} {
  return {
    vocab_size: count.default(defaults.vocab_size),
    hidden_size: count.default(768),
    num_hidden_layers: z.int().min(0).default(12),
    num_attention_heads: count.default(12),
    intermediate_size: count.default(3072),
    hidden_act: z.string().default('gelu'),
    hidden_dropout_prob: rate.default(0.1),
    attention_probs_dropout_prob: rate.default(0.1),
    max_position_embeddings: count.default(defaults.max_position_embeddings),
    type_vocab_size: count.default(defaults.type_vocab_size),
    initializer_range: z.number().positive().default(0.02),
    layer_norm_eps: z.number().positive().default(defaults.layer_norm_eps),
    pad_token_id: z.int().nullable().default(defaults.pad_token_id),
    classifier_dropout: rate.nullable().default(null),
    position_embedding_type: z.literal('absolute').default('absolute'),
    is_decoder: z.literal(false).default(false),
    tie_word_embeddings: z.boolean().default(true),
    ...labelFields,
  };
}

/** The schema, which further requires that the heads divide the width. */
export function withWholeHeads<
  Config extends Pick<BertFields, 'hidden_size' | 'num_attention_heads'>,
>(schema: z.ZodType<Config>): z.ZodType<Config> {
  return schema.refine(
    ({ hidden_size, num_attention_heads }) => hidden_size % num_attention_heads === 0,
    { path: ['hidden_size'], message: 'must be a multiple of num_attention_heads' },
  );
}

export function bertSchemaWith(defaults: BertDefaults): z.ZodType<BertConfig> {
  return withWholeHeads(z.looseObject(bertFields(defaults)));
}

export const bertSchema: z.ZodType<BertConfig> = bertSchemaWith({
  vocab_size: 30522,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
});
