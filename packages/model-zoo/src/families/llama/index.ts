import type { ModelFamily } from '../../family.ts';
import { type LlamaConfig, type LlamaLikeConfig, llamaSchema } from './config.ts';
import { defineLlamaLike } from './defineLlamaLike.ts';
import { LlamaForCausalLM, LlamaModel } from './llama.ts';

/** Touvron et al. 2023, https://arxiv.org/abs/2302.13971 */
export const llama: ModelFamily = defineLlamaLike<LlamaConfig>({
  modelType: 'llama',
  prefix: 'Llama',
  schema: llamaSchema,
  design: ({ attention_bias, mlp_bias }) => ({
    bias: { inputs: attention_bias, output: attention_bias, mlp: mlp_bias },
    normalizedHeads: false,
    windows: [],
  }),
});

export { type LlamaConfig, LlamaForCausalLM, type LlamaLikeConfig, LlamaModel };
