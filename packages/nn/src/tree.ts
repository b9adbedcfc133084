import {
  childrenOf,
  isTreeNode,
  LorikeetError,
  mapTensors,
  rebuild,
  Tensor,
} from '@lorikeet/tensor-core';
import { nearestOf } from './nearest.ts';
import { Shared, SharedGroup } from './shared.ts';

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
 * is missing is `null`. What several places share (`Shared`) is there once, at the first of them. Freezing is
 * partitioning: differentiate by one part and close over the other.
 */
export function partition<T>(
  tree: T,
  predicate: (leaf: Tensor, place: Place) => boolean,
): [yes: Part<T>, no: Part<T>] {
  const chosen = new Set<string>();
  visitTensors(tree, (leaf, place) => {
    if (predicate(leaf, place)) chosen.add(place.path);
  });
  const side = (wanted: boolean): Part<T> => {
    const seen = new Set<SharedGroup>();
    const visit = (node: unknown, path: readonly string[]): unknown => {
      if (node instanceof Tensor) return chosen.has(path.join('.')) === wanted ? node : null;
      if (!isTreeNode(node)) return node;
      // Which places share is kept on one side only, so that a part of a part can be put together alone.
      if (isSeen(node, seen)) return wanted ? node.group : null;
      return rebuild(
        node,
        childrenOf(node).map(([name, child]) => [name, visit(child, [...path, name])] as const),
      );
    };
    return visit(tree, []) as Part<T>;
  };
  return [side(true), side(false)];
}

/** Whether a node holds what another place has, too, that was there before. Notes it if not. */
function isSeen(node: unknown, seen: Set<SharedGroup>): node is Shared {
  if (!(node instanceof Shared)) return false;
  if (seen.has(node.group)) return true;
  seen.add(node.group);
  return false;
}

/**
 * Puts two sides of a partition together again: `combine(...partition(tree, p))` is `tree`.
 *
 * @throws LorikeetError `tree-mismatch` where both hold a tensor, and for a place that shares what is nowhere.
 */
export function combine<T>(a: Part<T>, b: Part<T>): T {
  const shared = new Map<SharedGroup, Shared>();
  const join = (a: unknown, b: unknown, path: readonly string[]): unknown => {
    if (isTreeNode(a) && isTreeNode(b)) {
      const others = new Map(childrenOf(b));
      const node = rebuild(
        a,
        childrenOf(a).map(
          ([name, child]) => [name, join(child, others.get(name), [...path, name])] as const,
        ),
      );
      if (node instanceof Shared && !shared.has(node.group)) shared.set(node.group, node);
      return node;
    }
    if (a instanceof Tensor && b instanceof Tensor) {
      throw new LorikeetError('tree-mismatch', 'combine: both trees hold a tensor here', {
        path: path.join('.'),
      });
    }
    if (a instanceof SharedGroup && b === null) return sharedBy(a, shared, path);
    if (b instanceof SharedGroup && a === null) return sharedBy(b, shared, path);
    return b instanceof Tensor || a === null ? b : a;
  };
  return join(a, b, []) as T;
}

function sharedBy(
  group: SharedGroup,
  shared: ReadonlyMap<SharedGroup, Shared>,
  path: readonly string[],
): Shared {
  const found = shared.get(group);
  if (found !== undefined) return found;
  throw new LorikeetError('tree-mismatch', 'combine: this place shares what is nowhere', {
    path: path.join('.'),
    hint: 'combine the two sides of one partition',
  });
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

/** Number of elements of all tensors for which `predicate` holds; of all without one. What places share counts once. */
export function countParameters(
  tree: unknown,
  predicate: (leaf: Tensor, place: Place) => boolean = () => true,
): number {
  const [counted] = partition(tree, predicate);
  return paths(counted).reduce((count, [, { size }]) => count + size, 0);
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
