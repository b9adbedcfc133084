import { isReparam } from '@lorikeet/nn';
import { childrenOf, isTreeNode, rebuild, Tensor } from '@lorikeet/tensor-core';
import { ModuleAdapter } from './modules/moduleAdapter.ts';

/** Rebuilds a tree with the nodes at some paths replaced; all else is shared. */
export function rewrite<T>(tree: T, plan: ReadonlyMap<string, (node: unknown) => unknown>): T;
export function rewrite(
  tree: unknown,
  plan: ReadonlyMap<string, (node: unknown) => unknown>,
): unknown {
  const visit = (node: unknown, path: string): unknown => {
    const replace = plan.get(path);
    if (replace !== undefined) return replace(node);
    if (!isTreeNode(node)) return node;
    const children = childrenOf(node);
    const mapped = children.map(
      ([name, child]) => [name, visit(child, path === '' ? name : `${path}.${name}`)] as const,
    );
    return mapped.every(([, child], i) => child === children[i]?.[1])
      ? node
      : rebuild(node, mapped);
  };
  return visit(tree, '');
}

/**
 * Paths of the weights of a model, and of the modules that have some, outer ones first, without what is inside
 * of reparametrised weights.
 */
export function modelPaths(model: unknown): { modules: string[]; weights: string[] } {
  const weights: string[] = [];
  const modules = new Set<string>();
  const walk = (node: unknown, path: readonly string[]): void => {
    if (node instanceof Tensor || isReparam(node)) {
      weights.push(path.join('.'));
      for (let depth = 1; depth < path.length; depth++) modules.add(path.slice(0, depth).join('.'));
    } else if (isTreeNode(node) && !(node instanceof ModuleAdapter)) {
      for (const [name, child] of childrenOf(node)) walk(child, [...path, name]);
    }
  };
  walk(model, []);
  return { modules: [...modules], weights };
}
