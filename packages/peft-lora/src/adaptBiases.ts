import { biasOf, isAdaptable, isReparam, type Weight } from '@lorikeet/nn';
import { childrenOf, isTreeNode, rebuild, Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from './adaptedWeight.ts';

/** Whether an adapter of a weight changes the bias beside it, too. */
export function changesBias(weight: unknown): weight is Weight {
  if (!isReparam(weight)) return false;
  const isAdapter = weight instanceof AdaptedWeight;
  return (isAdapter && weight.settings.variant.adaptBias !== undefined) || changesBias(weight.base);
}

/**
 * Works into the biases of a model what the adapters of the weights beside them change of them. The weights still have
 * their adapters then, so that this is for a model whose weights are merged next.
 *
 * @param found called with each bias that is another now.
 */
export function adaptBiases<T>(tree: T, found: (path: string, bias: Tensor) => void): T;
export function adaptBiases(tree: unknown, found: (path: string, bias: Tensor) => void): unknown {
  const walk = (node: unknown, path: readonly string[]): unknown => {
    if (isReparam(node) || !isTreeNode(node)) return node;
    const weight = isAdaptable(node) ? node[node.site.field] : undefined;
    const children = childrenOf(node);
    const mapped = children.map(([name, child]) => {
      const place = [...path, name];
      if (name !== 'bias' || !changesBias(weight)) return [name, walk(child, place)] as const;
      const bias = biasOf(weight, isWeight(child) ? child : null);
      if (bias !== null) found(place.join('.'), bias);
      return [name, bias] as const;
    });
    return mapped.every(([, child], i) => child === children[i]?.[1])
      ? node
      : rebuild(node, mapped);
  };
  return walk(tree, []);
}

function isWeight(value: unknown): value is Weight {
  return value instanceof Tensor || isReparam(value);
}
