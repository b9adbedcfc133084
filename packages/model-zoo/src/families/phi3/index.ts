import { z } from 'zod';
import type { ModelFamily } from '../../family.ts';
import {
  type LlamaLikeConfig,
  llamaLikeFields,
  ropeFields,
  withFittingHeads,
} from '../llama/config.ts';
import { defineLlamaLike } from '../llama/defineLlamaLike.ts';

/** The fields of a Phi-3 `config.json`. */
export type Phi3Config = LlamaLikeConfig & {
  readonly resid_pdrop: number;
  /** How many of the last tokens each one sees; `null` for all. */
  readonly sliding_window: number | null;
};

const count = z.int().positive();

/** Llama with fused layers, and positions stretched for long texts. Abdin et al. 2024, https://arxiv.org/abs/2404.14219 */
export const phi3: ModelFamily = defineLlamaLike<Phi3Config>({
  modelType: 'phi3',
  prefix: 'Phi3',
  schema: withFittingHeads(
    z.looseObject({
      ...llamaLikeFields,
      ...ropeFields(z.number().positive().max(1).optional()),
      vocab_size: count.default(32064),
      hidden_size: count.default(3072),
      intermediate_size: count.default(8192),
      rms_norm_eps: z.number().positive().default(1e-5),
      pad_token_id: z.int().nullable().default(32000),
      max_position_embeddings: count.default(4096),
      original_max_position_embeddings: count.default(4096),
      resid_pdrop: z.number().min(0).lt(1).default(0),
      sliding_window: count.nullable().default(null),
    }),
  ),
  design: ({ num_hidden_layers, sliding_window, resid_pdrop }) => ({
    bias: { inputs: false, output: false, mlp: false },
    normalizedHeads: false,
    windows: new Array<number | null>(num_hidden_layers).fill(sliding_window),
    fused: true,
    residualDropout: resid_pdrop,
    // What the kind was called at first.
    ropeKind: (kind) => (kind === 'su' || kind === 'yarn' ? 'longrope' : kind),
  }),
});
