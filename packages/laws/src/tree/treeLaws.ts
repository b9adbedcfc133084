import { at, combine, countParameters, mapTree, partition, paths, replaceAt } from '@lorikeet/nn';
import { flattenTree, full, type Tensor, unflattenTree } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { type Law, law } from '../law.ts';
import { treeArbitrary } from './treeArbitrary.ts';

/**
 * What tree surgery must obey: on trees of one's own, if an arbitrary or a tree is given, else on random ones.
 *
 * - Mapping is a functor: the identity changes nothing, and two maps after each other are one.
 * - The sides of a partition hold each tensor once, and combine to the tree.
 * - Paths are unique, lead to their tensors, and replacing one leaves the others.
 * - Flattening and unflattening undo each other, and counts add up.
 *
 * @example
 * describeLaws('my model', treeLaws(model), { describe, test });
 */
export function treeLaws(tree?: unknown): readonly Law[] {
  const trees: fc.Arbitrary<unknown> =
    tree === undefined ? treeArbitrary() : isArbitrary(tree) ? tree : fc.constant(tree);
  return [
    law('is kept by the identity', trees, (t) =>
      requireTree(
        mapTree(t, (leaf) => leaf),
        t,
      ),
    ),
    law('is mapped twice as by both maps at once', trees, (t) => {
      const made = new Map<Tensor, Tensor>();
      const step = (leaf: Tensor): Tensor => {
        const next = made.get(leaf) ?? full([], made.size);
        made.set(leaf, next);
        return next;
      };
      requireTree(
        mapTree(mapTree(t, step), step),
        mapTree(t, (leaf) => step(step(leaf))),
      );
    }),
    law('is put together again from a partition', fc.tuple(trees, fc.integer()), splitsAndJoins),
    law('has a path of its own for each tensor, which leads there', trees, (t) => {
      const found = paths(t);
      if (new Set(found.map(([path]) => path)).size !== found.length)
        throw new Error('two tensors have one path');
      for (const [path, leaf] of found)
        if (at(t, path) !== leaf) throw new Error(`another thing is at ${path}`);
    }),
    law('changes in one place when one place is replaced', trees, (t) => {
      for (const [path] of paths(t)) {
        const value = full([], 1);
        const expected = paths(t).map(([other, leaf]) => (other === path ? value : leaf));
        requireTree(replaceAt(t, path, value), t, expected);
      }
    }),
    law('is the same after it was flattened', trees, (t) => {
      const { leaves, structure } = flattenTree(t);
      if (structure.leafCount !== leaves.length)
        throw new Error(`the structure counts ${structure.leafCount} tensors of ${leaves.length}`);
      requireTree(unflattenTree(structure, leaves), t);
    }),
    law('counts its parameters by parts', trees, (t) => {
      const isLong = (leaf: Tensor): boolean => leaf.size > 1;
      const parts = countParameters(t, isLong) + countParameters(t, (leaf) => !isLong(leaf));
      const sum = paths(t).reduce((total, [, leaf]) => total + leaf.size, 0);
      if (countParameters(t) !== sum || parts !== sum)
        throw new Error(`${countParameters(t)} and ${parts} instead of ${sum}`);
    }),
  ];
}

function splitsAndJoins([tree, salt]: readonly [unknown, number]): void {
  const isChosen = (_: Tensor, { path }: { readonly path: string }): boolean =>
    (path.length + salt) % 2 === 0;
  const sides = partition(tree, isChosen);
  const [yes, no] = sides.map((side) => paths(side).map(([path]) => path)) as [string[], string[]];
  const other = new Set(no);
  for (const path of yes) if (other.has(path)) throw new Error(`both sides hold ${path}`);
  if (yes.length + no.length !== paths(tree).length)
    throw new Error('the sides do not hold each tensor once');
  requireTree(combine(...sides), tree);
  requireTree(combine(sides[1], sides[0]), tree);
}

function leavesOf(tree: unknown): Tensor[] {
  return paths(tree).map(([, leaf]) => leaf);
}

/** Requires the very tensors in a tree of the same classes, names and static values as `like`. */
function requireTree(
  tree: unknown,
  like: unknown,
  expected: readonly Tensor[] = leavesOf(like),
): void {
  const leaves = leavesOf(tree);
  if (leaves.length !== expected.length)
    throw new Error(`${leaves.length} tensors instead of ${expected.length}`);
  leaves.forEach((leaf, i) => {
    if (leaf !== expected[i]) throw new Error(`tensor ${i} is another`);
  });
  if (flattenTree(tree).structure.key !== flattenTree(like).structure.key)
    throw new Error('the structure is another: a class, a name or a static value');
}

function isArbitrary(value: unknown): value is fc.Arbitrary<unknown> {
  return value instanceof fc.Arbitrary;
}
