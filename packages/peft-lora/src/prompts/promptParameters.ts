import type { Context } from '@lorikeet/nn';
import { type Tensor, zeros } from '@lorikeet/tensor-core';
import type { ModulePeftFormat } from '../modules/moduleVariant.ts';
import type { PromptSource } from './encoders.ts';
import { modelOf } from './promptInputs.ts';

/** Virtual tokens as they train: themselves, or what an encoder makes of others. A file holds the former only. */
export type PromptParameters =
  | { readonly embeddings: Tensor; readonly encoder?: undefined }
  | { readonly encoder: PromptSource; readonly embeddings?: undefined };

/** The virtual tokens themselves. */
export function promptOf(parameters: PromptParameters, context: Context): Tensor {
  return parameters.embeddings ?? parameters.encoder.call(context);
}

/** What the configs of all methods with virtual tokens have. */
export interface PromptConfig {
  readonly virtualTokens: number;
}

/** How many virtual tokens there are, for `promptFormat`. */
export function virtualTokensOf({ virtualTokens }: PromptConfig): number {
  return virtualTokens;
}

/** How many virtual tokens are stored: PEFT keeps as many again for a decoder, which does not read them. */
export function storedTokens(module: object, { virtualTokens }: PromptConfig): number {
  return virtualTokens * submodules(module);
}

function submodules(module: object): number {
  return modelOf(module).inputSite.hasDecoder === true ? 2 : 1;
}

/**
 * The format of a method whose file holds virtual tokens.
 *
 * @param type `peft_type`.
 * @param isPrefix whether they are keys and values of all layers.
 * @param lengthOf how many virtual tokens a config has.
 */
export function promptFormat<Config>(
  type: string,
  isPrefix: boolean,
  lengthOf: (config: Config) => number,
): Omit<ModulePeftFormat<Config, PromptParameters>, 'decode'> {
  return {
    type,
    prefix: 'base_model.',
    isInModule: false,
    targets: () => [''],
    derived: (_, [place]) => (place === undefined ? {} : derivedOf(place.module, isPrefix)),
    derivedKeys: ['num_attention_heads', 'num_layers', 'num_transformer_submodules', 'token_dim'],
    stored: ({ module, config }) => ({
      embeddings: zeros([
        isPrefix ? lengthOf(config) : lengthOf(config) * submodules(module),
        promptWidth(module, isPrefix),
      ]),
    }),
    encode: (parameters, _, context) => ({ prompt_embeddings: promptOf(parameters, context) }),
    paths: { prompt_embeddings: 'embeddings' },
  };
}

/** PEFT writes the sizes of the model; of a prefix those of its keys and values. */
function derivedOf(module: object, isPrefix: boolean): Record<string, unknown> {
  const { width, layers, heads, keyValueHeads, headSize } = modelOf(module).inputSite;
  return {
    num_attention_heads: isPrefix ? keyValueHeads : heads,
    num_layers: layers,
    num_transformer_submodules: submodules(module),
    token_dim: isPrefix ? keyValueHeads * headSize : width,
  };
}

/** The width of one virtual token. */
export function promptWidth(module: object, isPrefix: boolean): number {
  const { width, layers, keyValueHeads, headSize } = modelOf(module).inputSite;
  return isPrefix ? 2 * layers * keyValueHeads * headSize : width;
}
