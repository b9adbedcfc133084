import { z } from 'zod';
import { type LabelFields, labelFields } from '../../heads/labelFields.ts';

/** How positions turn: `rope_parameters` of transformers 5, `rope_scaling` of transformers 4. */
export interface RopeFields {
  readonly rope_theta?: number | undefined;
  readonly rope_type?: string | undefined;
  /** What older configs call `rope_type`. */
  readonly type?: string | undefined;
  readonly partial_rotary_factor?: number | undefined;
  readonly [field: string]: unknown;
}

/** The fields of `config.json` that Llama and families like it share, under Hugging Face's names. */
export interface LlamaLikeFields extends LabelFields {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** As many as there are heads, if there is no such field. */
  readonly num_key_value_heads?: number | null | undefined;
  /** The width divided among the heads, if there is no such field. */
  readonly head_dim?: number | null | undefined;
  readonly hidden_act: string;
  readonly initializer_range: number;
  readonly rms_norm_eps: number;
  readonly attention_dropout: number;
  readonly pad_token_id: number | null;
  readonly tie_word_embeddings: boolean;
  readonly max_position_embeddings: number;
  /** Of the texts that a model was first trained on, where `rope_parameters` do not tell. */
  readonly original_max_position_embeddings?: number | undefined;
  readonly rope_theta?: number | undefined;
  readonly rope_scaling?: RopeFields | null | undefined;
  readonly rope_parameters?: RopeFields | null | undefined;
  readonly partial_rotary_factor?: number | undefined;
}

export type LlamaLikeConfig = LlamaLikeFields & { readonly [field: string]: unknown };

/** The fields of a Llama `config.json`. */
export type LlamaConfig = LlamaLikeConfig & {
  /** Whether all projections of the attention have a bias. */
  readonly attention_bias: boolean;
  readonly mlp_bias: boolean;
};

const count = z.int().positive();
const theta = z.number().positive().optional();
const whole = z.literal(1).optional();

/** For the schema of a family: of what kind the part of a head is that turns. */
export function ropeFields(part: z.ZodType<number | undefined>): {
  readonly [Field in 'rope_scaling' | 'rope_parameters']-?: z.ZodType<LlamaLikeFields[Field]>;
} & { readonly partial_rotary_factor: z.ZodType<number | undefined> } {
  const rope = z
    .looseObject({
      rope_theta: theta,
      rope_type: z.string().optional(),
      type: z.string().optional(),
      partial_rotary_factor: part,
    })
    .nullish();
  return { rope_scaling: rope, rope_parameters: rope, partial_rotary_factor: part };
}

/** The shared fields with Llama's defaults, for the schema of a family, which says where its own differ. */
export const llamaLikeFields: {
  readonly [Field in keyof LlamaLikeFields]-?: z.ZodType<LlamaLikeFields[Field]>;
} = {
  vocab_size: count.default(32000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(11008),
  num_hidden_layers: z.int().min(0).default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  hidden_act: z.string().default('silu'),
  initializer_range: z.number().positive().default(0.02),
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_dropout: z.number().min(0).lt(1).default(0),
  pad_token_id: z.int().nullable().default(null),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: count.default(2048),
  original_max_position_embeddings: count.optional(),
  rope_theta: theta,
  ...ropeFields(whole),
  ...labelFields,
};

/** What rotary positions need of a config. */
export type RopeConfig = Pick<
  LlamaLikeFields,
  | 'hidden_size'
  | 'num_attention_heads'
  | 'head_dim'
  | 'max_position_embeddings'
  | 'original_max_position_embeddings'
  | 'rope_theta'
  | 'rope_scaling'
  | 'rope_parameters'
  | 'partial_rotary_factor'
>;

/** How many numbers of a head turn. */
export function rotaryDimension(config: RopeConfig): number {
  const rope = config.rope_parameters ?? config.rope_scaling ?? {};
  const part = rope.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  return Math.floor(headSize(config) * part);
}

/** The schema, which further requires that the numbers of heads fit the width and each other. */
export function withFittingHeads<Config extends LlamaLikeConfig>(
  schema: z.ZodType<Config>,
): z.ZodType<Config> {
  return schema
    .refine((config) => Number.isInteger(headSize(config)) && rotaryDimension(config) % 2 === 0, {
      path: ['hidden_size'],
      message: 'must be a multiple of num_attention_heads that gives heads of even size',
    })
    .refine((config) => config.num_attention_heads % keyValueHeads(config) === 0, {
      path: ['num_attention_heads'],
      message: 'must be a multiple of num_key_value_heads',
    });
}

export const llamaSchema: z.ZodType<LlamaConfig> = withFittingHeads(
  z.looseObject({
    ...llamaLikeFields,
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
  }),
);

/** How many numbers a head has. */
export function headSize({ head_dim, hidden_size, num_attention_heads }: RopeConfig): number {
  return head_dim ?? hidden_size / num_attention_heads;
}

/** How many heads keys and values have. */
export function keyValueHeads(config: LlamaLikeFields): number {
  return config.num_key_value_heads ?? config.num_attention_heads;
}
