import { LorikeetError } from '@lorikeet/tensor-core';
import { AdaptedWeight, AdapterSettings } from '../adaptedWeight.ts';
import { type AdapterLayer, adapterLayers } from '../layers.ts';
import { invocationError } from './invocationError.ts';

/** The tokens from which on a layer acts, if it waits for some. */
export function invocationOf(layer: AdapterLayer): readonly number[] | undefined {
  return layer instanceof AdaptedWeight ? layer.settings.method.target.invocationTokens : undefined;
}

/** Throws `unsupported` for a model with adapters that act from some tokens on, which `what` cannot heed. */
export function refuseInvocations(tuned: unknown, what: string): void {
  const found = adapterLayers(tuned).find(({ layer }) => invocationOf(layer) !== undefined);
  if (found !== undefined) throw invocationError(found.layer.name, found.path, what);
}

/** The layer without its tokens: one that acts everywhere. */
export function withoutInvocation(layer: AdaptedWeight): AdaptedWeight {
  const { method, path, site, shape, config } = layer.settings;
  const { invocationTokens: _, ...target } = method.target;
  const settings = new AdapterSettings({ ...method, target }, path, site, shape, config);
  return layer.with({ settings });
}

/** Throws `unsupported` for a place that cannot wait for tokens. */
export function requireInvocable({ variant, config, site, path, method }: AdapterSettings): void {
  if (method.target.invocationTokens === undefined) return;
  const isBiased = variant.adaptBias !== undefined || variant.bias?.isUsed(config) === true;
  if (site.kind === 'linear' && !isBiased) return;
  const what = isBiased
    ? `${variant.name} changes a bias, which`
    : `a weight of kind '${site.kind}'`;
  throw new LorikeetError('unsupported', `${what} cannot wait for invocation tokens`, {
    path,
    expected: 'methods that change the weights of linear layers alone',
  });
}
