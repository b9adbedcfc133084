import { isReparam, type SharedGroup, tiedPaths } from '@lorikeet/nn';
import { childrenOf, isTreeNode, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { type AdapterLayer, adapterLayers, isAdapterLayer } from '../layers.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import type { StoredForm } from '../variant.ts';
import { partsOf, storedPartsOf } from './layerParts.ts';
import { keyPrefixes } from './targetParameters.ts';

/** What every key starts with: the wrapper's place of the model. */
export const prefix = 'base_model.model.';

/** One tensor of an adapter. */
export interface AdapterTensor {
  /** In PEFT's file, without the prefix of what is in the model. */
  readonly key: string;
  /** In PEFT's file. */
  readonly fullKey: string;
  /** In the adapted model; several for what places share. */
  readonly paths: readonly string[];
  /** Whether the file only repeats here what places share. */
  readonly isCopy: boolean;
  /** Set if the file has several tensors in place of the parameters of a place. */
  readonly stored?: StoredPart;
  readonly tensor: Tensor;
}

/** One of the tensors that stand for the parameters of a place. */
interface StoredPart {
  readonly form: StoredForm;
  readonly name: string;
  /** Path of the parameters in the adapted model. */
  readonly parameters: string;
}

/** The trained tensors of one adapter under the keys that PEFT has for them, whether its file has them or others. */
export function parametersByKey(tuned: unknown, name = 'default'): Map<string, Tensor> {
  const found = adapterTensors(tuned, name, { asStored: false });
  return new Map(found.map(({ fullKey, tensor }) => [fullKey, tensor]));
}

/**
 * The tensors of one adapter that its file has; what places share is there once, and once more for every place if
 * the file repeats it. Throws `unsupported` if PEFT's
 * files have no place for one.
 */
export function adapterTensors(
  tuned: unknown,
  name: string,
  { asStored = true }: { readonly asStored?: boolean } = {},
): AdapterTensor[] {
  const adapted = new Set(
    adapterLayers(tuned).flatMap(({ path, layer }) =>
      layer instanceof AdaptedWeight && layer.name === name ? [moduleOf(path)] : [],
    ),
  );
  const layers = placedLayers(tuned, name);
  const tied = tiedPaths(tuned);
  const prefixes = keyPrefixes(
    layers.map(({ layer, weight }) => ({ layer, module: moduleOf(weight) })),
    (layer) => layer instanceof AdaptedWeight && layer.settings.site.kind === 'experts',
  );
  const isAccompanied = layers.some(
    ({ layer }) =>
      layer instanceof AdaptedWeight && layer.settings.variant.peft?.within === undefined,
  );
  const own = layers.flatMap(({ layer, weight, path }) => {
    if (layer instanceof TrainedWeight) {
      const key = layer.reason === 'bias' ? biasKey(weight, adapted) : weight;
      return [{ key, paths: [`${path}.value`], tensor: layer.value, isCopy: false }];
    }
    const keys = keysOf(layer);
    const within = prefixWithin(layer, isAccompanied);
    const modules = [weight, ...secondPlaces(layer, weight, tied)].map(moduleOf);
    const { form, parts } = asStored
      ? storedPartsOf(layer)
      : { form: undefined, parts: partsOf(layer) };
    return parts.flatMap(({ part, parameter, tensor, isStored, isCopy }) => {
      const key = Object.hasOwn(keys, parameter) ? keys[parameter] : undefined;
      if (key === undefined && isStored) throw noPlace(layer, parameter);
      if (key === undefined) return [];
      if (form !== undefined && part === 'parameters') {
        const stored = { form, name: parameter, parameters: `${path}.parameters` };
        const module = prefixes.get(moduleOf(weight)) ?? moduleOf(weight);
        return [{ key: `${module}.${key}`, paths: [], tensor, isCopy, stored }];
      }
      const paths = [`${path}.${part}.${parameter}`];
      return modules.map((module, i) => {
        const before = prefixes.get(module) ?? module;
        return { key: `${before}.${within}${key}`, paths, tensor, isCopy: isCopy || i > 0 };
      });
    });
  });
  return [
    ...own.map((found) => ({ ...found, fullKey: prefix + found.key })),
    ...sharedTensors(layers),
  ];
}

/** Names of the other places where an adapter of a weight holds, for which the file repeats it. */
function secondPlaces(
  layer: AdaptedWeight | AdaptedBias,
  weight: string,
  tied: ReadonlyMap<string, string>,
): string[] {
  const { variant, config } = layer.settings;
  if (!(layer instanceof AdaptedWeight) || variant.traits.isTied?.(config) !== true) return [];
  return [...tied].flatMap(([copy, path]) => (path === weight ? [copy] : []));
}

/** What comes before the keys of a method that goes with another one. */
function prefixWithin(layer: AdaptedWeight | AdaptedBias, isAccompanied: boolean): string {
  return (isAccompanied && layer.settings.variant.peft?.within?.prefix) || '';
}

/** What places share, once. */
function sharedTensors(layers: readonly PlacedLayer[]): AdapterTensor[] {
  const found = new Map<string, AdapterTensor>();
  const groups = new Set<SharedGroup>();
  const sharing = layers.flatMap(({ layer, path }) =>
    layer instanceof AdaptedWeight && layer.shared !== null
      ? [{ layer, path, shared: layer.shared }]
      : [],
  );
  for (const { layer, shared } of sharing) {
    const { settings } = layer;
    if (groups.has(shared.group)) continue;
    const places = sharing.filter((other) => other.shared.group === shared.group);
    const keys = settings.variant.peft?.sharedKeys?.(settings.config, settings.path) ?? {};
    for (const part of ['parameters', 'frozen'] as const) {
      for (const [parameter, tensor] of Object.entries(shared.value[part])) {
        const pattern = Object.hasOwn(keys, parameter) ? keys[parameter] : undefined;
        if (pattern === undefined && part === 'parameters') throw noPlace(layer, parameter);
        if (pattern === undefined) continue;
        const key = `base_model.${pattern.replace('{n}', String(groups.size))}`;
        if (found.has(key)) throw twoGroups(layer, key);
        const paths = places.map(({ path }) => `${path}.shared.value.${part}.${parameter}`);
        found.set(key, { key, fullKey: key, paths, tensor, isCopy: false });
      }
    }
    groups.add(shared.group);
  }
  return [...found.values()];
}

interface PlacedLayer {
  readonly layer: AdapterLayer;
  readonly weight: string;
  readonly path: string;
}

/** The layers of an adapter, each with the path of its weight in the base and its own in the adapted model. */
function placedLayers(tuned: unknown, name: string): PlacedLayer[] {
  const found: PlacedLayer[] = [];
  const walk = (node: unknown, weight: readonly string[], path: readonly string[]): void => {
    if (isReparam(node)) {
      if (isAdapterLayer(node) && node.name === name)
        found.push({ layer: node, weight: weight.join('.'), path: path.join('.') });
      walk(node.base, weight, [...path, 'base']);
    } else if (isTreeNode(node)) {
      for (const [field, child] of childrenOf(node))
        walk(child, [...weight, field], [...path, field]);
    }
  };
  walk(tuned, [], []);
  return found;
}

/** The bias of an adapted module lies under PEFT's wrapper. */
function biasKey(weight: string, adapted: ReadonlySet<string>): string {
  const module = moduleOf(weight);
  return adapted.has(module) ? `${module}.base_layer${weight.slice(module.length)}` : weight;
}

/** Path of the module that a weight is a field of. */
export function moduleOf(weight: string): string {
  return weight.slice(0, Math.max(weight.lastIndexOf('.'), 0));
}

function keysOf(layer: AdaptedWeight | AdaptedBias): Readonly<Record<string, string>> {
  const { variant, site, config } = layer.settings;
  const keys =
    layer instanceof AdaptedBias ? variant.bias?.peftKeys : variant.peft?.keys(site.kind, config);
  return keys ?? {};
}

function noPlace({ settings }: AdaptedWeight | AdaptedBias, parameter: string): LorikeetError {
  return new LorikeetError(
    'unsupported',
    `${settings.variant.name} has no place for '${parameter}' in the files of PEFT`,
    { path: settings.path, hint: 'give the variant a `peft` format' },
  );
}

function twoGroups({ settings }: AdaptedWeight, key: string): LorikeetError {
  return new LorikeetError('unsupported', `PEFT's files hold one ${key} for the whole adapter`, {
    path: settings.path,
    hint: 'save places with other configs, or adapted at another time, as an adapter of their own',
  });
}
