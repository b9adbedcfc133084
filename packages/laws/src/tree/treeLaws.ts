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
      requireSameLeaves(
        mapTree(t, (leaf) => leaf),
        leavesOf(t),
      ),
    ),
    law('is mapped twice as by both maps at once', trees, (t) => {
      const made = new Map<Tensor, Tensor>();
      const step = (leaf: Tensor): Tensor => {
        const next = made.get(leaf) ?? full([], made.size);
        made.set(leaf, next);
        return next;
      };
      requireSameLeaves(
        mapTree(mapTree(t, step), step),
        leavesOf(mapTree(t, (leaf) => step(step(leaf)))),
      );
    }),
    law('is put together again from a partition', fc.tuple(trees, fc.integer()), ([t, salt]) => {
      const isChosen = (_: Tensor, { path }: { readonly path: string }): boolean =>
        (path.length + salt) % 2 === 0;
      const [yes, no] = partition(t, isChosen);
      const all = paths(t).length;
      if (paths(yes).length + paths(no).length !== all)
        throw new Error('the sides do not hold each tensor once');
      for (const [path] of paths(yes))
        if (paths(no).some(([other]) => other === path)) throw new Error(`both sides hold ${path}`);
      requireSameLeaves(combine(yes, no), leavesOf(t));
      requireSameLeaves(combine(no, yes), leavesOf(t));
    }),
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
        requireSameLeaves(replaceAt(t, path, value), expected);
      }
    }),
    law('is the same after it was flattened', trees, (t) => {
      const { leaves, structure } = flattenTree(t);
      const again = unflattenTree(structure, leaves);
      requireSameLeaves(again, leavesOf(t));
      if (flattenTree(again).structure.key !== structure.key)
        throw new Error('the structure is another');
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

function leavesOf(tree: unknown): Tensor[] {
  return paths(tree).map(([, leaf]) => leaf);
}

function requireSameLeaves(tree: unknown, expected: readonly Tensor[]): void {
  const leaves = leavesOf(tree);
  if (leaves.length !== expected.length)
    throw new Error(`${leaves.length} tensors instead of ${expected.length}`);
  leaves.forEach((leaf, i) => {
    if (leaf !== expected[i]) throw new Error(`tensor ${i} is another`);
  });
}

function isArbitrary(value: unknown): value is fc.Arbitrary<unknown> {
  return value instanceof fc.Arbitrary;
}
