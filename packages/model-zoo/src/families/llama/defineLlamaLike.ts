import type { z } from 'zod';
import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { lastTokenHead } from '../../heads/textHeads.ts';
import type { LlamaLikeConfig } from './config.ts';
import type { LlamaDesign } from './design.ts';
import { LlamaForCausalLM, LlamaModel } from './llama.ts';

/**
 * A family of Llama's build and names.
 *
 * @param family.prefix of the names of transformers' classes.
 * @param family.design what it does in its own way.
 */
export function defineLlamaLike<Config extends LlamaLikeConfig>(family: {
  readonly modelType: string;
  readonly prefix: string;
  readonly schema: z.ZodType<Config>;
  design(config: Config): LlamaDesign;
}): ModelFamily {
  const { modelType, prefix, schema } = family;
  const design = (config: Config): LlamaDesign => ({
    ...family.design(config),
    resized: (other) => design(schema.parse(other)),
  });
  return defineFamily<Config>({
    modelType,
    schema,
    base: 'model',
    ignored: /(^|\.)rotary_emb\.inv_freq$/,
    architectures: {
      [`${prefix}Model`]: {
        init: (config, key) => LlamaModel.init(config, design(config), key),
        ignored: /^lm_head\.weight$/,
      },
      [`${prefix}ForCausalLM`]: {
        init: (config, key) => LlamaForCausalLM.init(config, design(config), key),
      },
      [`${prefix}ForSequenceClassification`]: headed<Config>(
        'model',
        (config, key) => LlamaModel.init(config, design(config), key),
        lastTokenHead(({ hidden_size }) => hidden_size),
        /^lm_head\.weight$/,
      ),
    },
  });
}
