import { z } from 'zod';
import type { ModelFamily } from '../../family.ts';
import { withFittingHeads } from '../llama/config.ts';
import { defineLlamaLike } from '../llama/defineLlamaLike.ts';
import { type QwenConfig, qwenFields, qwenWindows } from '../qwen2/config.ts';

/** The fields of a Qwen3 `config.json`. */
export type Qwen3Config = QwenConfig & {
  /** Whether all projections of the attention have a bias. */
  readonly attention_bias: boolean;
};

/** Qwen2 with normalised queries and keys, and no biases. Yang et al. 2025, https://arxiv.org/abs/2505.09388 */
export const qwen3: ModelFamily = defineLlamaLike<Qwen3Config>({
  modelType: 'qwen3',
  prefix: 'Qwen3',
  schema: withFittingHeads(
    z.looseObject({
      ...qwenFields,
      head_dim: z.int().positive().nullable().default(128),
      attention_bias: z.boolean().default(false),
    }),
  ),
  design: (config) => ({
    bias: { inputs: config.attention_bias, output: config.attention_bias, mlp: false },
    normalizedHeads: true,
    windows: qwenWindows(config),
  }),
});
