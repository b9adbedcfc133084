import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';

/** The fields of a BART `config.json`, under Hugging Face's names. */
export interface BartConfig extends LabelFields {
  readonly vocab_size: number;
  readonly tie_word_embeddings: boolean;
  readonly d_model: number;
  readonly encoder_layers: number;
  readonly encoder_ffn_dim: number;
  readonly encoder_attention_heads: number;
  readonly decoder_layers: number;
  readonly decoder_ffn_dim: number;
  readonly decoder_attention_heads: number;
  readonly activation_function: string;
  readonly dropout: number;
  readonly attention_dropout: number;
  readonly activation_dropout: number;
  readonly classifier_dropout: number;
  readonly init_std: number;
  /** Whether words are multiplied with the root of the width. */
  readonly scale_embedding: boolean;
  readonly max_position_embeddings: number;
  readonly pad_token_id: number;
  readonly eos_token_id: number;
  readonly decoder_start_token_id: number;
  readonly [field: string]: unknown;
}

const count = z.int().positive();
const length = z.int().min(0);
const rate = z.number().min(0).lt(1);
const id = z.int().min(0);

/** For the schema of a family of BART's build, which says where its own defaults differ. */
export function bartSchemaWith(defaults: {
  readonly vocab_size: number;
  readonly pad_token_id: number;
  readonly eos_token_id: number;
  readonly decoder_start_token_id: number;
}): z.ZodType<BartConfig> {
  return z
    .looseObject({
      vocab_size: count.default(defaults.vocab_size),
      d_model: count.default(1024),
      encoder_layers: length.default(12),
      encoder_ffn_dim: count.default(4096),
      encoder_attention_heads: count.default(16),
      decoder_layers: length.default(12),
      decoder_ffn_dim: count.default(4096),
      decoder_attention_heads: count.default(16),
      activation_function: z.string().default('gelu'),
      dropout: rate.default(0.1),
      attention_dropout: rate.default(0),
      activation_dropout: rate.default(0),
      classifier_dropout: rate.default(0),
      init_std: z.number().positive().default(0.02),
      scale_embedding: z.boolean().default(false),
      max_position_embeddings: count.default(1024),
      pad_token_id: id.default(defaults.pad_token_id),
      eos_token_id: id.default(defaults.eos_token_id),
      decoder_start_token_id: id.default(defaults.decoder_start_token_id),
      tie_word_embeddings: z.boolean().default(true),
      share_encoder_decoder_embeddings: z.literal(true).optional(),
      ...labelFields,
    })
    .refine(
      ({ d_model, encoder_attention_heads, decoder_attention_heads }) =>
        d_model % encoder_attention_heads === 0 && d_model % decoder_attention_heads === 0,
      { path: ['d_model'], message: 'must be a multiple of the numbers of heads' },
    );
}

export const bartSchema: z.ZodType<BartConfig> = bartSchemaWith({
  vocab_size: 50265,
  pad_token_id: 1,
  eos_token_id: 2,
  decoder_start_token_id: 2,
});
