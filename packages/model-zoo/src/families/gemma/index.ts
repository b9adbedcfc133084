import { z } from 'zod';
import type { ModelFamily } from '../../family.ts';
import { withFittingHeads } from '../llama/config.ts';
import { defineLlamaLike } from '../llama/defineLlamaLike.ts';
import { type GemmaConfig, gemmaDesign, gemmaFields } from './config.ts';

const count = z.int().positive();

/** Gemma Team 2024, https://arxiv.org/abs/2403.08295 */
export const gemma: ModelFamily = defineLlamaLike<GemmaConfig>({
  modelType: 'gemma',
  prefix: 'Gemma',
  schema: withFittingHeads(
    z.looseObject({
      ...gemmaFields,
      hidden_size: count.default(3072),
      intermediate_size: count.default(24576),
      num_hidden_layers: z.int().min(0).default(28),
      num_attention_heads: count.default(16),
      num_key_value_heads: count.default(16),
    }),
  ),
  design: (config) => ({ ...gemmaDesign(config), windows: [] }),
});

export type { GemmaConfig };
