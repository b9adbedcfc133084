import { visitTensors } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight, type AdapterSettings } from '../adaptedWeight.ts';
import { isAdapterLayer } from '../layers.ts';
import type { TrainedPlace } from './stepRule.ts';

/** The trainable tensors of one adapted weight in a tree, or in a part of one. */
interface TrainedWeightParts {
  readonly settings: AdapterSettings;
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** Path in the tree of each of them. */
  readonly paths: Readonly<Record<string, string>>;
}

/** Places that train together: of one adapter, by one method with one config. */
export type TrainedGroup = readonly TrainedWeightParts[];

/** Finds what trains in each adapted weight of a model or of the trainable side of one, in groups. */
export function trainedGroups(tree: unknown): readonly TrainedGroup[] {
  const layers = new Map<AdaptedWeight, { name: string; path: string; leaf: Tensor }[]>();
  visitTensors(tree, (leaf, { path, ancestors }) => {
    const layer = ancestors.findLast(isAdapterLayer);
    const [part = '', name = ''] = path.split('.').slice(-2);
    if (!(layer instanceof AdaptedWeight) || part !== 'parameters') return;
    // What places share belongs to none of them.
    if (layer.parameters[name] !== leaf) return;
    layers.set(layer, [...(layers.get(layer) ?? []), { name, path, leaf }]);
  });
  const groups = new Map<string, TrainedWeightParts[]>();
  for (const [{ settings, name }, parts] of layers) {
    const { variant, method } = settings;
    const label = `${name} ${variant.name} ${JSON.stringify(method.config)}`;
    const found = {
      settings,
      parameters: Object.fromEntries(parts.map(({ name, leaf }) => [name, leaf])),
      paths: Object.fromEntries(parts.map(({ name, path }) => [name, path])),
    };
    groups.set(label, [...(groups.get(label) ?? []), found]);
  }
  return [...groups.values()];
}

/** What a rule or a penalty is told of one of them. */
export function placeOf({ settings, parameters }: TrainedWeightParts): TrainedPlace<unknown> {
  const { path, shape, config, method } = settings;
  return { path, shape, config, compat: method.target.compat, parameters };
}
