import { z } from 'zod';
import { type LlamaLikeConfig, llamaLikeFields } from '../llama/config.ts';
import type { LlamaDesign } from '../llama/design.ts';

/** The fields of a `config.json` that Gemma and Gemma 2 share. */
export type GemmaConfig = LlamaLikeConfig & {
  /** Whether all projections of the attention have a bias. */
  readonly attention_bias: boolean;
  /** The function of the MLP: the tanh form of GELU if `null`, `hidden_act` if there is no such field. */
  readonly hidden_activation?: string | null | undefined;
};

type GemmaField =
  | 'attention_bias'
  | 'hidden_activation'
  | 'use_bidirectional_attention'
  | 'head_dim';

const gelu = 'gelu_pytorch_tanh';

/** For the schema of a family. */
export const gemmaFields: Omit<typeof llamaLikeFields, 'head_dim'> & {
  readonly [Field in GemmaField]-?: z.ZodType<GemmaConfig[Field]>;
} = {
  ...llamaLikeFields,
  vocab_size: z.int().positive().default(256000),
  head_dim: z.int().positive().default(256),
  hidden_act: z.string().default(gelu),
  hidden_activation: z.string().nullish(),
  pad_token_id: z.int().nullable().default(0),
  max_position_embeddings: z.int().positive().default(8192),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  use_bidirectional_attention: z.literal(false).nullish(),
};

/** What both have in common. */
export function gemmaDesign(config: GemmaConfig): Omit<LlamaDesign, 'windows'> {
  const { attention_bias: bias, hidden_act, hidden_activation: own } = config;
  return {
    bias: { inputs: bias, output: bias, mlp: false },
    normalizedHeads: false,
    activation: own === undefined ? hidden_act : (own ?? gelu),
    unitNorms: true,
    wordScale: Math.sqrt(config.hidden_size),
  };
}
