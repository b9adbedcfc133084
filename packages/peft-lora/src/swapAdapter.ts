import { materialize, Shared } from '@lorikeet/nn';
import { LorikeetError, zeros } from '@lorikeet/tensor-core';
import { AdaptedBias } from './adaptedBias.ts';
import { AdaptedWeight } from './adaptedWeight.ts';
import type { LowRank } from './algebra/lowRank.ts';
import { lowRankOf } from './algebra/updateOf.ts';
import { requireAdapter } from './compose.ts';
import { type AdapterLayer, adapterLayers, isAdapterLayer, mapAdapted } from './layers.ts';
import type { SiteShape } from './siteShape.ts';
import { TrainedWeight } from './trainedWeight.ts';
import type { Tensors } from './variant.ts';

export interface SwapOptions {
  /** The adapter whose values are replaced. Defaults to `default`. */
  readonly name?: string;
  /** The adapter of the other model that they come from. Defaults to `default`. */
  readonly from?: string;
}

/**
 * Puts the values of another adapter in the place of one: a compiled function then runs the plan that it has, since the
 * structure is the same. Configs that agree give their parameters as they are; a low-rank adapter of a lower rank or
 * another scale is written in the rank that is there, and what it lacks becomes 0. Make room with the highest rank.
 *
 * @param source a model with the other adapter, such as `loadAdapter(base, dir)` gives.
 * @returns a new model with all that `tuned` has but those values.
 * @throws LorikeetError `no-match` for a name that is not there, or for a weight that only the other one adapts;
 *   `unsupported` for an adapter that does not fit.
 */
export function swapAdapter<T>(
  tuned: T,
  source: unknown,
  { name = 'default', from = 'default' }: SwapOptions = {},
): T {
  requireAdapter(tuned, name);
  requireAdapter(source, from);
  const values = new Map(
    adapterLayers(source)
      .filter(({ layer }) => layer.name === from)
      .map(({ path, layer }) => [placeOf(path, layer), { path, layer }] as const),
  );
  const places = adapterLayers(tuned).flatMap(({ path, layer }) =>
    layer.name === name ? [{ path, layer, other: take(values, placeOf(path, layer)) }] : [],
  );
  for (const { path } of values.values())
    throw new LorikeetError('no-match', 'only the other adapter adapts this weight', {
      path,
      hint: 'adapt it in the model that is compiled, too',
    });
  const swapped = new Map(
    places.map(({ path, layer, other }) => [layer, withValues(layer, other, path)] as const),
  );
  const swap = (layer: AdapterLayer): AdapterLayer => {
    const own = swapped.get(layer) ?? layer;
    const { base } = layer;
    return isAdapterLayer(base) ? own.with({ base: swap(base) }) : own;
  };
  return mapAdapted(tuned, swap);
}

function withValues(
  layer: AdapterLayer,
  other: AdapterLayer | undefined,
  path: string,
): AdapterLayer {
  if (layer instanceof TrainedWeight) {
    const value = other instanceof TrainedWeight ? other.value : materialize(layer.base);
    return new TrainedWeight(layer.base, value, layer.name, layer.reason, layer.path);
  }
  const parameters = parametersFor(layer, other);
  if (parameters === undefined) throw misfit(layer, path);
  const { base, name, settings, mix } = layer;
  if (layer instanceof AdaptedBias) return new AdaptedBias(base, parameters, name, settings, mix);
  const isCopied = other instanceof AdaptedWeight && parameters === other.parameters;
  const { frozen, shared } = isCopied ? other : layer;
  // Which places share is part of what was compiled.
  const group = layer.shared?.group;
  const common = shared === null || group === undefined ? null : new Shared(shared.value, group);
  return new AdaptedWeight(base, parameters, name, settings, mix, frozen, common);
}

/** The other adapter's values as parameters of a layer, if it has room for them. */
function parametersFor(
  { settings }: AdaptedWeight | AdaptedBias,
  other: AdapterLayer | undefined,
): Tensors | undefined {
  const { variant, config, shape } = settings;
  if (other instanceof TrainedWeight) return undefined;
  if (other?.settings.variant === variant && isEqual(other.settings.config, config))
    return other.parameters;
  if (other instanceof AdaptedBias) return undefined;
  const pair = other === undefined ? nothing(shape) : lowRankOf(other.with({ mix: 1 }));
  return pair && variant.fromLowRank?.(pair, { config, shape });
}

/** An update that changes nothing. */
function nothing({ out, in: inputs, kernel }: SiteShape): LowRank {
  const width = kernel.reduce((product, side) => product * side, inputs);
  return { left: zeros([out, 1]), right: zeros([1, width]), scale: 1 };
}

/** Weights and biases of one path are told apart by what lies on them. */
function placeOf(path: string, layer: AdapterLayer): string {
  const kind =
    layer instanceof TrainedWeight ? 'whole' : layer instanceof AdaptedBias ? 'bias' : 'weight';
  return `${path} ${kind}`;
}

function take<K, V>(values: Map<K, { readonly layer: V }>, key: K): V | undefined {
  const found = values.get(key);
  values.delete(key);
  return found?.layer;
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function misfit({ settings }: AdaptedWeight | AdaptedBias, path: string): LorikeetError {
  return new LorikeetError(
    'unsupported',
    'the other adapter does not fit in the place of this one',
    {
      path,
      expected: `${settings.variant.name} ${JSON.stringify(settings.config)}, or a low-rank one that needs no more room`,
      hint: 'give the adapter that is compiled the highest rank of all',
    },
  );
}
