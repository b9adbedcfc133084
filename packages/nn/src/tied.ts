import { childrenOf, isTreeNode, Tensor } from '@lorikeet/tensor-core';
import type { Weight } from './weight.ts';

/** A model that uses a weight at a second place too, for which a checkpoint may have a name of its own. */
export interface TiesWeights {
  /** The name of each second place, and the path of the weight. A getter, so that it is no part of the tree. */
  readonly tiedWeights: Readonly<Record<string, string>>;
}

export function tiesWeights(value: unknown): value is TiesWeights {
  return typeof value === 'object' && value !== null && 'tiedWeights' in value;
}

/** All second places of weights in a tree, with the paths of the weights. */
export function tiedPaths(tree: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (node: unknown, prefix: string): void => {
    if (!isTreeNode(node)) return;
    if (tiesWeights(node))
      for (const [copy, path] of Object.entries(node.tiedWeights))
        found.set(prefix + copy, prefix + path);
    for (const [name, child] of childrenOf(node)) walk(child, `${prefix}${name}.`);
  };
  walk(tree, '');
  return found;
}

/** What a second place uses of a weight: the base, and of its reparametrisations those that hold there too. */
export function tiedPart(weight: Weight): Weight {
  if (weight instanceof Tensor) return weight;
  return weight.tiedPart === undefined ? tiedPart(weight.base) : weight.tiedPart();
}
