import { z } from 'zod';
import type { ModelFamily } from '../../family.ts';
import { type LlamaLikeConfig, llamaLikeFields, withFittingHeads } from '../llama/config.ts';
import { defineLlamaLike } from '../llama/defineLlamaLike.ts';

/** The fields of a Mistral `config.json`. */
export type MistralConfig = LlamaLikeConfig & {
  /** How many of the last tokens each one sees; `null` for all. */
  readonly sliding_window: number | null;
};

const count = z.int().positive();

/** Llama with a sliding window. Jiang et al. 2023, https://arxiv.org/abs/2310.06825 */
export const mistral: ModelFamily = defineLlamaLike<MistralConfig>({
  modelType: 'mistral',
  prefix: 'Mistral',
  schema: withFittingHeads(
    z.looseObject({
      ...llamaLikeFields,
      intermediate_size: count.default(14336),
      num_key_value_heads: count.nullable().default(8),
      sliding_window: count.nullable().default(4096),
    }),
  ),
  design: ({ num_hidden_layers, sliding_window }) => ({
    bias: { inputs: false, output: false, mlp: false },
    normalizedHeads: false,
    windows: new Array<number | null>(num_hidden_layers).fill(sliding_window),
  }),
});
