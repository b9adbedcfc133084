import { z } from 'zod';
import type { ModelFamily } from '../../family.ts';
import { withFittingHeads } from '../llama/config.ts';
import { defineLlamaLike } from '../llama/defineLlamaLike.ts';
import { type QwenConfig, qwenFields, qwenWindows } from './config.ts';

/** Llama with biases on queries, keys and values. Yang et al. 2024, https://arxiv.org/abs/2407.10671 */
export const qwen2: ModelFamily = defineLlamaLike<QwenConfig>({
  modelType: 'qwen2',
  prefix: 'Qwen2',
  schema: withFittingHeads(z.looseObject(qwenFields)),
  design: (config) => ({
    bias: { inputs: true, output: false, mlp: false },
    normalizedHeads: false,
    windows: qwenWindows(config),
  }),
});

export type { QwenConfig };
