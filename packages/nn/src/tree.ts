import {
  childrenOf,
  isTreeNode,
  LorikeetError,
  mapLeaves,
  mapTensors,
  rebuild,
  Tensor,
} from '@lorikeet/tensor-core';
import { nearestOf } from './nearest.ts';

export { mapTensors as mapTree } from '@lorikeet/tensor-core';

/** Where a leaf is in a tree. */
export interface Place {
  /** Field names and indices joined by dots. */
  readonly path: string;
  /** The inner nodes above it, outermost first. */
  readonly ancestors: readonly object[];
}

declare const part: unique symbol;

/** One side of a partition: a tree in which the tensors of the other side are `null`. */
export interface Part<T> {
  readonly [part]: T;
}

/**
 * Splits a tree in two of the same structure: the tensors for which `predicate` holds, and the rest. What
 * is missing is `null`. Freezing is partitioning: differentiate by one part and close over the other.
 */
export function partition<T>(
  tree: T,
  predicate: (leaf: Tensor, place: Place) => boolean,
): [yes: Part<T>, no: Part<T>] {
  const chosen = new Set<string>();
  visitTensors(tree, (leaf, place) => {
    if (predicate(leaf, place)) chosen.add(place.path);
  });
  const side = (wanted: boolean): Part<T> =>
    mapLeaves(tree, (leaf, path) =>
      leaf instanceof Tensor && chosen.has(path.join('.')) !== wanted ? null : leaf,
    ) as Part<T>;
  return [side(true), side(false)];
}

/** Puts two sides of a partition together again: `combine(...partition(tree, p))` is `tree`. */
export function combine<T>(a: Part<T>, b: Part<T>): T {
  return combineNodes(a, b, []) as T;
}

function combineNodes(a: unknown, b: unknown, path: readonly string[]): unknown {
  if (isTreeNode(a) && isTreeNode(b)) {
    const others = new Map(childrenOf(b));
    return rebuild(
      a,
      childrenOf(a).map(
        ([name, child]) => [name, combineNodes(child, others.get(name), [...path, name])] as const,
      ),
    );
  }
  if (a instanceof Tensor && b instanceof Tensor) {
    throw new LorikeetError('tree-mismatch', 'combine: both trees hold a tensor here', {
      path: path.join('.'),
    });
  }
  return b instanceof Tensor || a === null ? b : a;
}

/** Calls `visit` for every tensor of a tree, in the order of its fields. */
export function visitTensors(tree: unknown, visit: (leaf: Tensor, place: Place) => void): void {
  const walk = (node: unknown, path: readonly string[], ancestors: readonly object[]): void => {
    if (node instanceof Tensor) visit(node, { path: path.join('.'), ancestors });
    else if (isTreeNode(node))
      for (const [name, child] of childrenOf(node))
        walk(child, [...path, name], [...ancestors, node]);
  };
  walk(tree, [], []);
}

/** Every tensor of a tree with its path. */
export function paths(tree: unknown): [path: string, leaf: Tensor][] {
  const found: [string, Tensor][] = [];
  visitTensors(tree, (leaf, { path }) => found.push([path, leaf]));
  return found;
}

/** Number of elements of all tensors for which `predicate` holds; of all without one. */
export function countParameters(
  tree: unknown,
  predicate: (leaf: Tensor, place: Place) => boolean = () => true,
): number {
  let count = 0;
  visitTensors(tree, (leaf, place) => {
    if (predicate(leaf, place)) count += leaf.size;
  });
  return count;
}

/** What is at `path`, such as `encoder.layer.0`. Throws `no-match` with the nearest paths. */
export function at(tree: unknown, path: string): unknown {
  let node = tree;
  for (const name of path === '' ? [] : path.split('.')) {
    const child: unknown = isTreeNode(node) ? new Map(childrenOf(node)).get(name) : undefined;
    if (child === undefined) {
      throw new LorikeetError('no-match', `nothing is at '${path}'`, {
        path,
        hint: nearestOf(path, nodePaths(tree)),
      });
    }
    node = child;
  }
  return node;
}

/** A copy of `tree` with `value` at `path`. All that is not on the way there is shared. */
export function replaceAt<T>(tree: T, path: string, value: unknown): T;
export function replaceAt(tree: unknown, path: string, value: unknown): unknown {
  at(tree, path);
  const replace = (node: unknown, names: readonly string[]): unknown => {
    const [name, ...rest] = names;
    if (name === undefined || !isTreeNode(node)) return value;
    return rebuild(
      node,
      childrenOf(node).map(
        ([other, child]) => [other, other === name ? replace(child, rest) : child] as const,
      ),
    );
  };
  return replace(tree, path === '' ? [] : path.split('.'));
}

/** Paths of all inner nodes and tensors. */
export function nodePaths(tree: unknown): string[] {
  const found: string[] = [];
  const walk = (node: unknown, path: readonly string[]): void => {
    if (path.length > 0 && (node instanceof Tensor || isTreeNode(node))) found.push(path.join('.'));
    if (isTreeNode(node))
      for (const [name, child] of childrenOf(node)) walk(child, [...path, name]);
  };
  walk(tree, []);
  return found;
}

/** One tensor for each of some trees. */
type TensorOfEach<Trees extends readonly unknown[]> = { readonly [I in keyof Trees]: Tensor };

/**
 * Maps the tensors of trees of one structure together.
 *
 * @throws LorikeetError `tree-mismatch` if a tree lacks a tensor that the first has.
 */
export function zipTrees<T, Others extends readonly unknown[]>(
  fn: (leaf: Tensor, ...others: TensorOfEach<Others>) => Tensor,
  tree: T,
  ...others: Others
): T {
  const leaves = others.map((other) => new Map(paths(other)));
  return mapTensors(tree, (leaf, path) => {
    const partners = leaves.map((map) => {
      const partner = map.get(path.join('.'));
      if (partner !== undefined) return partner;
      throw new LorikeetError('tree-mismatch', 'trees that belong together differ', {
        path: path.join('.'),
        expected: 'a tensor',
      });
    });
    return fn(leaf, ...(partners as unknown as TensorOfEach<Others>));
  });
}
