import { takesVectors } from '@lorikeet/nn';
import { zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { addPrefix } from '../prompts/addPrompt.ts';
import { cachedPrefix, tokensRefusal } from '../prompts/cachedPrefix.ts';
import { PrefixEncoder } from '../prompts/encoders.ts';
import { modelOf } from '../prompts/promptInputs.ts';
import {
  type PromptParameters,
  promptFormat,
  promptOf,
  promptWidth,
  virtualTokensOf,
} from '../prompts/promptParameters.ts';
import { peftField } from '../variant.ts';

export interface PrefixTuningConfig {
  readonly virtualTokens: number;
  /** Whether two layers make the prefix out of vectors of the model's width, in training. */
  readonly projection: boolean;
  /** Width between the two layers; `null` is that of the keys and values. */
  readonly hiddenSize: number | null;
  /** `zero` starts from zeros where there is no projection, else from random numbers. */
  readonly initWeights: 'zero' | null;
  /**
   * Tokens of a text, at least as many as virtual ones: the model's own keys and values of the first of them are the first
   * values, where there is no projection. Not in a file.
   */
  readonly initTokens: readonly number[];
}

export type PrefixTuningOptions = Partial<PrefixTuningConfig>;

export const prefixTuningVariant: ModuleVariant<PrefixTuningConfig, PromptParameters> = {
  name: 'prefixTuning',
  paper: 'Li and Liang 2021, https://arxiv.org/abs/2101.00190',
  site: 'input',
  schema: z.strictObject({
    virtualTokens: peftField(z.int().positive(), 'num_virtual_tokens'),
    projection: peftField(z.boolean().default(false), 'prefix_projection'),
    hiddenSize: peftField(z.int().positive().nullable().default(null), 'encoder_hidden_size'),
    initWeights: peftField(z.literal('zero').nullable().default(null), 'init_weights'),
    initTokens: z.array(z.int().min(0)).default([]),
  }),
  traits: {
    identityAtInit: () => false,
    isStochastic: () => false,
    parameterCount: ({ virtualTokens, projection, hiddenSize }, module) => {
      const prefix = promptWidth(module, true);
      if (!projection) return virtualTokens * prefix;
      const width = keyWidth(module);
      const hidden = hiddenSize ?? width;
      return virtualTokens * width + hidden * (width + 1) + prefix * (hidden + 1);
    },
  },
  sample: (draw) => ({
    virtualTokens: draw.integer(1, 3),
    ...draw.pick([
      { projection: false, initWeights: null, initTokens: [] },
      { projection: false, initWeights: 'zero' as const, initTokens: [] },
      { projection: false, initTokens: [2, 0, 1] },
      { projection: true, hiddenSize: 3, initTokens: [] },
      { projection: true, hiddenSize: null, initTokens: [] },
    ]),
  }),
  peft: promptFormat('PREFIX_TUNING', true, virtualTokensOf),
  accepts: takesVectors,
  refusal: ({ projection, initWeights, initTokens, virtualTokens }) =>
    initTokens.length > 0 && (projection || initWeights === 'zero')
      ? 'initTokens are for a prefix without a projection and without other first values'
      : tokensRefusal(initTokens, virtualTokens),
  init({ module, config, key }) {
    const { virtualTokens, projection, hiddenSize, initWeights, initTokens } = config;
    const [width, prefix] = [keyWidth(module), promptWidth(module, true)];
    if (initTokens.length > 0)
      return { embeddings: cachedPrefix(module, initTokens, virtualTokens) };
    if (!projection && initWeights === 'zero')
      return { embeddings: zeros([virtualTokens, prefix]) };
    const hidden = projection ? (hiddenSize ?? width) : null;
    return { encoder: PrefixEncoder.init(virtualTokens, { width, prefix, hidden }, key) };
  },
  call: ({ module, inputs, parameters, context, base }) =>
    base(addPrefix(module, inputs, promptOf(parameters, context)), ...inputs.slice(1)),
};

/** Prefix tuning: learned keys and values before those of the tokens, in each layer. Put it on the model itself, `''`. */
export function prefixTuning(options: PrefixTuningOptions): ModuleMethod<PrefixTuningConfig> {
  return moduleMethod(prefixTuningVariant, options);
}

function keyWidth(module: object): number {
  const { keyValueHeads, headSize } = modelOf(module).inputSite;
  return keyValueHeads * headSize;
}
