import { at, Embedding, materialize, takesVectors } from '@lorikeet/nn';
import { foldIn, gather, normal, randint, type Tensor, tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { addPrompt } from '../prompts/addPrompt.ts';
import { modelOf } from '../prompts/promptInputs.ts';
import {
  type PromptParameters,
  promptFormat,
  promptOf,
  storedTokens,
  virtualTokensOf,
} from '../prompts/promptParameters.ts';
import { peftField } from '../variant.ts';

export interface PromptTuningConfig {
  readonly virtualTokens: number;
  /** First values: random numbers, rows of the embedding drawn at random, or those of a text. */
  readonly init: 'RANDOM' | 'SAMPLE_VOCAB' | 'TEXT';
  /** Of `TEXT`: the text, for the file. */
  readonly initText: string | null;
  /** Of `TEXT`: its tokens, repeated or cut to the number of virtual tokens. Needed to begin, not to load. */
  readonly initTokens: readonly number[];
}

export type PromptTuningOptions = Partial<PromptTuningConfig>;

export const promptTuningVariant: ModuleVariant<PromptTuningConfig, PromptParameters> = {
  name: 'promptTuning',
  paper: 'Lester et al. 2021, https://arxiv.org/abs/2104.08691',
  site: 'input',
  schema: z.strictObject({
    virtualTokens: peftField(z.int().positive(), 'num_virtual_tokens'),
    init: peftField(
      z.enum(['RANDOM', 'SAMPLE_VOCAB', 'TEXT']).default('RANDOM'),
      'prompt_tuning_init',
    ),
    initText: peftField(z.string().nullable().default(null), 'prompt_tuning_init_text').meta({
      peft: 'prompt_tuning_init_text',
      isNote: true,
    }),
    initTokens: z.array(z.int().min(0)).default([]),
  }),
  traits: {
    identityAtInit: () => false,
    isStochastic: () => false,
    parameterCount: (config, module) =>
      storedTokens(module, config) * modelOf(module).inputSite.width,
  },
  sample: (draw) => ({
    virtualTokens: draw.integer(1, 3),
    ...draw.pick([
      { init: 'RANDOM' as const, initTokens: [] },
      { init: 'SAMPLE_VOCAB' as const, initTokens: [] },
      { init: 'TEXT' as const, initTokens: [2, 1] },
      { init: 'TEXT' as const, initTokens: [1] },
    ]),
  }),
  peft: {
    ...promptFormat('PROMPT_TUNING', false, virtualTokensOf),
    inactive: { tokenizer_kwargs: null, tokenizer_name_or_path: null },
    // Of first values, which the file has.
    ignored: ['tokenizer_kwargs', 'tokenizer_name_or_path'],
  },
  accepts: takesVectors,
  refusal: ({ init, initTokens }) =>
    init === 'TEXT' && initTokens.length === 0
      ? "the first values 'TEXT' need initTokens"
      : undefined,
  init: ({ module, config, key }) => ({ embeddings: firstTokens(module, config, key) }),
  call: ({ module, inputs, parameters, context, base }) =>
    base(addPrompt(module, inputs, promptOf(parameters, context), context), ...inputs.slice(1)),
};

/** Prompt tuning: learned vectors before those of the tokens. Put it on the model itself, `''`. */
export function promptTuning(options: PromptTuningOptions): ModuleMethod<PromptTuningConfig> {
  return moduleMethod(promptTuningVariant, options);
}

/** [P, D], or [2P, D] for a model with a decoder. */
function firstTokens(module: object, config: PromptTuningConfig, key: Tensor): Tensor {
  const { inputSite } = modelOf(module);
  const { init, initTokens } = config;
  const length = storedTokens(module, config);
  if (init === 'RANDOM') return normal(key, [length, inputSite.width]);
  const embedding = at(module, inputSite.embedding);
  if (!(embedding instanceof Embedding)) return normal(key, [length, inputSite.width]);
  const rows = materialize(embedding.weight);
  const repeated = Array.from({ length }, (_, i) => initTokens[i % initTokens.length] ?? 0);
  const tokens =
    init === 'TEXT'
      ? tensor(repeated, [length], 'i32')
      : randint(foldIn(key, 'tokens'), [length], 0, rows.shape[0] ?? 1);
  return gather(rows, tokens);
}
