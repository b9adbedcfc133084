import { takesVectors } from '@lorikeet/nn';
import { concat, normal, sliceAxis, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import {
  type ModuleInitArguments,
  type ModuleMethod,
  type ModuleState,
  type ModuleVariant,
  moduleMethod,
} from '../modules/moduleVariant.ts';
import { addPrefix } from '../prompts/addPrompt.ts';
import { cachedPrefix, tokensRefusal } from '../prompts/cachedPrefix.ts';
import { promptFormat, promptWidth, virtualTokensOf } from '../prompts/promptParameters.ts';
import { peftField, type Tensors } from '../variant.ts';

export interface CartridgeConfig {
  readonly virtualTokens: number;
  /** How many of them, from the first, do not train: attention rests on the first ones. */
  readonly frozenTokens: number;
  /**
   * Tokens of a text, at least as many: the model's own keys and values of the first of them are the first values. Random
   * numbers without any. Not in a file.
   */
  readonly initTokens: readonly number[];
}

export type CartridgeOptions = Partial<CartridgeConfig>;

interface CartridgeParameters {
  /** [P - F, 2 L G K] */
  readonly embeddings: Tensor;
}

export const cartridgeVariant: ModuleVariant<CartridgeConfig, CartridgeParameters> = {
  name: 'cartridge',
  paper: 'Eyuboglu et al. 2025, https://arxiv.org/abs/2506.06266',
  site: 'input',
  schema: z
    .strictObject({
      virtualTokens: peftField(z.int().positive(), 'num_virtual_tokens'),
      frozenTokens: peftField(z.int().min(0).default(1), 'num_frozen_tokens'),
      initTokens: z.array(z.int().min(0)).default([]),
    })
    .refine(({ virtualTokens, frozenTokens }) => frozenTokens <= virtualTokens, {
      error: 'at most virtualTokens',
      path: ['frozenTokens'],
    }),
  traits: {
    identityAtInit: () => false,
    isStochastic: () => false,
    parameterCount: ({ virtualTokens, frozenTokens }, module) =>
      (virtualTokens - frozenTokens) * promptWidth(module, true),
  },
  sample: (draw) => ({
    virtualTokens: draw.integer(2, 3),
    frozenTokens: draw.integer(0, 1),
    initTokens: draw.pick([[], [2, 0, 1], [1, 5, 3, 4]]),
  }),
  peft: {
    ...promptFormat('CARTRIDGE', true, virtualTokensOf),
    stored: ({ module, config: { virtualTokens } }) => ({
      embeddings: zeros([virtualTokens, promptWidth(module, true)]),
    }),
    encode: (parameters, _config, _context, frozen) => ({
      prompt_embeddings: prefixOf(parameters, frozen),
    }),
    paths: { prompt_embeddings: 'embeddings' },
  },
  accepts: takesVectors,
  refusal: ({ initTokens, virtualTokens }) => tokensRefusal(initTokens, virtualTokens),
  init: (args) => ({ embeddings: firstValues(args) }),
  split: splitPrefix,
  call: ({ module, inputs, parameters, frozen, base }) =>
    base(addPrefix(module, inputs, prefixOf(parameters, frozen)), ...inputs.slice(1)),
};

/**
 * A cartridge: a trained cache of keys and values before those of the tokens, in each layer, as of a text that need not be read
 * again. Put it on the model itself, `''`.
 */
export function cartridge(options: CartridgeOptions): ModuleMethod<CartridgeConfig> {
  return moduleMethod(cartridgeVariant, options);
}

function firstValues({ module, config, key }: ModuleInitArguments<CartridgeConfig>): Tensor {
  const { virtualTokens, initTokens } = config;
  return initTokens.length === 0
    ? normal(key, [virtualTokens, promptWidth(module, true)])
    : cachedPrefix(module, initTokens, virtualTokens);
}

/** [P, 2 L G K]. In the form of a file all of it is in the parameters. */
function prefixOf(
  { embeddings }: CartridgeParameters,
  { embeddings: first = sliceAxis(embeddings, 0, 0, 0) }: Tensors,
): Tensor {
  return concat([first, embeddings], 0);
}

/** What trains of a prefix, and the first tokens, which do not. */
export function splitPrefix(
  { embeddings: prefix }: CartridgeParameters,
  { frozenTokens, virtualTokens }: CartridgeConfig,
): ModuleState<CartridgeParameters> {
  return {
    parameters: { embeddings: sliceAxis(prefix, 0, frozenTokens, virtualTokens - frozenTokens) },
    frozen: { embeddings: sliceAxis(prefix, 0, 0, frozenTokens) },
  };
}
