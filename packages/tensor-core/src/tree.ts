import { LorikeetError } from './errors.ts';
import { identityOf } from './identity.ts';
import { Tensor } from './tensor.ts';

/**
 * What a transform takes apart: tensors, modules, reparametrised weights, and arrays and records of
 * them are inner nodes; all else is static and kept as it is.
 */
export type Tree = unknown;

type Node = readonly Tree[] | { readonly [field: string]: Tree };

/** Whether `value` has children that a tree walk visits. */
export function isTreeNode(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return hasMethod(value, 'call') || hasMethod(value, 'materialize');
}

/** Field names or indices of a node's children, and the children. */
export function childrenOf(node: Node): [name: string, child: Tree][] {
  return Object.entries(node);
}

/** A node of the same kind as `node` with other children. */
export function rebuild<T extends Node>(node: T, children: readonly (readonly [string, Tree])[]): T;
export function rebuild(node: Node, children: readonly (readonly [string, Tree])[]): Node {
  if (Array.isArray(node)) return children.map(([, child]) => child);
  const copy: Record<string, Tree> = Object.create(Object.getPrototypeOf(node));
  for (const [name, child] of children) copy[name] = child;
  return copy;
}

/** Replaces every leaf (all that is not an inner node) by `fn(leaf, path)`. */
export function mapLeaves(
  tree: Tree,
  fn: (leaf: Tree, path: readonly string[]) => Tree,
  path: readonly string[] = [],
): Tree {
  if (!isTreeNode(tree)) return fn(tree, path);
  return rebuild(
    tree,
    childrenOf(tree).map(([name, child]) => [name, mapLeaves(child, fn, [...path, name])] as const),
  );
}

/** A tree without its tensors: what two calls must share to run the same plan. */
export interface Structure {
  readonly tree: Tree;
  readonly leafCount: number;
  /** Equal for two trees if and only if they differ in nothing but the values of tensors. */
  readonly key: string;
}

/** Takes the tensors out of a tree, in the order of its fields. */
export function flattenTree(tree: Tree): { leaves: Tensor[]; structure: Structure } {
  const leaves: Tensor[] = [];
  const key: string[] = [];
  const visit = (node: Tree): void => {
    if (node instanceof Tensor) {
      leaves.push(node);
      key.push('*');
    } else if (isTreeNode(node)) {
      const prototype: object | null = Object.getPrototypeOf(node);
      const isPlain = Array.isArray(node) || prototype === Object.prototype || prototype === null;
      key.push(Array.isArray(node) ? '[' : isPlain ? '{' : `${identityOf(prototype)}{`);
      // Not `childrenOf`: a step walks its whole state here, and pairs would be half of the time.
      for (const name of Object.keys(node)) {
        key.push(quoted(name), ':');
        visit((node as Readonly<Record<string, Tree>>)[name]);
        key.push(',');
      }
      key.push('}');
    } else {
      key.push(staticKey(node));
    }
  };
  visit(tree);
  return { leaves, structure: { tree, leafCount: leaves.length, key: key.join('') } };
}

/** Puts `leaves` in the places of the tensors of `structure`. */
export function unflattenTree(structure: Structure, leaves: readonly Tensor[]): Tree {
  if (leaves.length !== structure.leafCount) {
    throw new LorikeetError('tree-mismatch', 'unflatten: wrong number of leaves', {
      expected: String(structure.leafCount),
      received: String(leaves.length),
    });
  }
  let next = 0;
  return mapLeaves(structure.tree, (leaf) => (leaf instanceof Tensor ? leaves[next++] : leaf));
}

/** Replaces the tensors of a tree; the rest, and so the type, stays. */
export function mapTensors<T>(tree: T, fn: (leaf: Tensor, path: readonly string[]) => Tensor): T;
export function mapTensors(
  tree: Tree,
  fn: (leaf: Tensor, path: readonly string[]) => Tensor,
): Tree {
  return mapLeaves(tree, (leaf, path) => (leaf instanceof Tensor ? fn(leaf, path) : leaf));
}

const quotes = new Map<string, string>();

function quoted(name: string): string {
  let text = quotes.get(name);
  if (text === undefined) {
    text = JSON.stringify(name);
    quotes.set(name, text);
  }
  return text;
}

function staticKey(value: unknown): string {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function')
    return identityOf(value);
  if (typeof value === 'string') return JSON.stringify(value);
  return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`;
}

function hasMethod(value: object, name: string): boolean {
  return name in value && typeof (value as Record<string, unknown>)[name] === 'function';
}
