import { isReparam, type Weight } from '@lorikeet/nn';
import { childrenOf, isTreeNode, LorikeetError, rebuild } from '@lorikeet/tensor-core';
import { AdaptedBias } from './adaptedBias.ts';
import { AdaptedWeight } from './adaptedWeight.ts';
import { ModuleAdapter, moduleAdapters } from './modules/moduleAdapter.ts';
import { TrainedWeight } from './trainedWeight.ts';

/** What an adapter puts around a weight. */
export type AdapterLayer = AdaptedWeight | AdaptedBias | TrainedWeight;

export function isAdapterLayer(value: unknown): value is AdapterLayer {
  return (
    value instanceof AdaptedWeight || value instanceof AdaptedBias || value instanceof TrainedWeight
  );
}

/** All adapter layers of a tree, those of one weight from the outside in, with the path of the weight. */
export function adapterLayers(tree: unknown): { path: string; layer: AdapterLayer }[] {
  const found: { path: string; layer: AdapterLayer }[] = [];
  const walk = (node: unknown, path: readonly string[]): void => {
    if (isAdapterLayer(node)) {
      found.push({ path: path.join('.'), layer: node });
      walk(node.base, path);
    } else if (isReparam(node)) {
      walk(node.base, path);
    } else if (isTreeNode(node) && !(node instanceof ModuleAdapter)) {
      for (const [name, child] of childrenOf(node)) walk(child, [...path, name]);
    }
  };
  walk(tree, []);
  return found;
}

/**
 * Replaces every weight that has adapter layers by `fn` of its outermost one. Throws `unsupported` for a weight whose
 * adapters depend on the input.
 */
export function mapAdapted<T>(tree: T, fn: (layer: AdapterLayer) => Weight): T;
export function mapAdapted(tree: unknown, fn: (layer: AdapterLayer) => Weight): unknown {
  if (isAdapterLayer(tree)) return fn(tree);
  if (!isTreeNode(tree) || tree instanceof ModuleAdapter) return tree;
  const children = childrenOf(tree);
  if (isReparam(tree) && children.some(([, child]) => isListOfLayers(child)))
    throw inputDependent();
  const mapped = children.map(([name, child]) => [name, mapAdapted(child, fn)] as const);
  // A part without adapters is kept itself, not copied.
  return mapped.every(([, child], i) => child === children[i]?.[1]) ? tree : rebuild(tree, mapped);
}

/** Names of the adapters in a tree, in the order in which they are found. */
export function adapterNames(tree: unknown): string[] {
  const modules = moduleAdapters(tree).map(({ adapter }) => adapter.name);
  return [...new Set([...adapterLayers(tree).map(({ layer }) => layer.name), ...modules])];
}

function isListOfLayers(value: unknown): boolean {
  return Array.isArray(value) && value.some(isAdapterLayer);
}

function inputDependent(): LorikeetError {
  return new LorikeetError('unsupported', 'the adapters of a weight here depend on the input', {
    hint: 'take the model from before they were put together for a batch or a router',
  });
}
