import { z } from 'zod';
import type { ModelFamily } from '../../family.ts';
import { type GemmaConfig, gemmaDesign, gemmaFields } from '../gemma/config.ts';
import { withFittingHeads } from '../llama/config.ts';
import { defineLlamaLike } from '../llama/defineLlamaLike.ts';

/** The fields of a Gemma 2 `config.json`. */
export type Gemma2Config = GemmaConfig & {
  /** Products of query and key are divided by its root. */
  readonly query_pre_attn_scalar: number;
  readonly sliding_window: number | null;
  /** Which layers have the window: every second one, from the first on, if there is no such field. */
  readonly layer_types?: readonly ('full_attention' | 'sliding_attention')[] | null | undefined;
  readonly attn_logit_softcapping: number | null;
  readonly final_logit_softcapping: number | null;
};

const count = z.int().positive();
const cap = z.number().positive().nullable();

/** Gemma with soft caps, windows and norms behind each part. Gemma Team 2024, https://arxiv.org/abs/2408.00118 */
export const gemma2: ModelFamily = defineLlamaLike<Gemma2Config>({
  modelType: 'gemma2',
  prefix: 'Gemma2',
  schema: withFittingHeads(
    z.looseObject({
      ...gemmaFields,
      hidden_size: count.default(2304),
      intermediate_size: count.default(9216),
      num_hidden_layers: z.int().min(0).default(26),
      num_attention_heads: count.default(8),
      num_key_value_heads: count.default(4),
      query_pre_attn_scalar: z.number().positive().default(256),
      sliding_window: count.nullable().default(4096),
      layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
      attn_logit_softcapping: cap.default(50),
      final_logit_softcapping: cap.default(30),
    }),
  ),
  design: (config) => ({
    ...gemmaDesign(config),
    normsBehind: true,
    windows: windowsOf(config),
    scale: 1 / Math.sqrt(config.query_pre_attn_scalar),
    caps: { products: config.attn_logit_softcapping, logits: config.final_logit_softcapping },
  }),
});

function windowsOf({
  num_hidden_layers: length,
  layer_types,
  sliding_window,
}: Gemma2Config): (number | null)[] {
  return Array.from({ length }, (_, i) => {
    const isSliding = layer_types ? layer_types[i] === 'sliding_attention' : i % 2 === 0;
    return isSliding ? sliding_window : null;
  });
}
