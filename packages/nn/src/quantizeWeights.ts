import {
  LorikeetError,
  namedScope,
  type QuantizeOptions,
  realize,
  Tensor,
} from '@lorikeet/tensor-core';
import { FourBit, type FourBitOptions } from './fourBit.ts';
import { fourBitCodes } from './fourBitCodes.ts';
import { Quantized } from './quantized.ts';
import { selectPaths } from './select.ts';
import { isAdaptable } from './site.ts';
import { at, nodePaths, paths, replaceAt } from './tree.ts';

/** Selectors of module paths, and how to quantise the weights of what they find. The first that fits decides. */
export type QuantizeSpec = Readonly<Record<string, QuantizeOptions | FourBitOptions>>;

/**
 * Quantises weights of linear layers and embeddings. Adapters then go on top of them: `adapt` with `lora`
 * afterwards is QLoRA (Dettmers et al. 2023).
 *
 * @returns a new model with `Quantized` weights, or `FourBit` ones for `nf4` and `fp4`; the given one stays whole, and shares all else with it.
 * @throws LorikeetError `no-match` with the nearest paths if a selector finds nothing; `unsupported` for a weight
 *   that is adapted or quantised already; as `quantize` does for the options.
 * @example
 * const small = quantizeWeights(model, { '**.{query,value}': { dtype: 'u4', blockSize: 32 } });
 */
export function quantizeWeights<T>(model: T, spec: QuantizeSpec): T {
  const candidates = quantizablePaths(model);
  const chosen = new Map<string, QuantizeOptions | FourBitOptions>();
  for (const [selector, options] of Object.entries(spec)) {
    for (const path of selectPaths(selector, candidates))
      if (!chosen.has(path)) chosen.set(path, options);
  }
  let quantized = model;
  for (const [path, options] of chosen) quantized = quantizeAt(quantized, path, options);
  return quantized;
}

/** Paths of the modules whose weight is a matrix or a table. */
function quantizablePaths(model: unknown): string[] {
  return nodePaths(model).filter((path) => {
    const module = at(model, path);
    return isAdaptable(module) && ['linear', 'embedding'].includes(module.site.kind);
  });
}

function quantizeAt<T>(model: T, path: string, options: QuantizeOptions | FourBitOptions): T {
  const module = at(model, path);
  if (!isAdaptable(module)) throw new LorikeetError('internal', 'nothing to quantise', { path });
  const { site } = module;
  const weight = module[site.field];
  if (!(weight instanceof Tensor)) {
    throw new LorikeetError('unsupported', 'a weight that is made of others cannot be quantised', {
      path,
      expected: 'a plain tensor',
      received: weight === undefined ? 'no weight' : 'a reparametrised weight',
      hint: 'quantise a model once, before it is adapted; or merge it first',
    });
  }
  const quantized = namedScope(path, () =>
    isFourBit(options) ? FourBit.of(weight, site, options) : Quantized.of(weight, site, options),
  );
  // One at a time: what is computed on the way takes several times as much as the weight.
  realize(...paths(quantized).map(([, leaf]) => leaf));
  return replaceAt(model, `${path}.${site.field}`, quantized);
}

function isFourBit(options: QuantizeOptions | FourBitOptions): options is FourBitOptions {
  return Object.hasOwn(fourBitCodes, options.dtype);
}
