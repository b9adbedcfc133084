import { at, combine, LayerNorm, partition, paths } from '@lorikeet/nn';
import { Tensor, tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allPaths, Block, b0, first, model } from './blockModel.ts';
import { refusal } from './support.ts';

class Module {
  readonly inner: unknown;
  readonly label = 'module';

  constructor(inner: unknown) {
    this.inner = inner;
  }

  call(x: Tensor): Tensor {
    return x;
  }
}

const shared = tensor([1, 2]);
const statics = fc.oneof(
  fc.constantFrom(null, undefined, true, shared.add, new Date(0)),
  fc.integer(),
  fc.string(),
);
const field = fc.stringMatching(/^[a-z]{1,4}$/);

/** Trees of arrays, records and modules over tensors (one of them in many places) and static values. */
const { tree: trees } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.integer({ min: 0, max: 9 }).map((value) => tensor([value])),
      fc.constant(shared),
      statics,
    ),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(field, tie('tree'), { maxKeys: 3 }),
    tie('tree').map((inner) => new Module(inner)),
  ),
}));

/** What a tree is made of, with tensors and static values as they are. */
function shapeOf(tree: unknown): unknown {
  if (tree instanceof Tensor) return { tensor: tree.id };
  if (Array.isArray(tree)) return tree.map(shapeOf);
  if (tree instanceof Module) return { module: shapeOf(tree.inner), label: tree.label };
  if (typeof tree === 'object' && tree !== null && !(tree instanceof Date))
    return { fields: Object.entries(tree).map(([name, child]) => [name, shapeOf(child)]) };
  return tree;
}

test('for any tree and choice, the sides are disjoint and complete, and combine is the inverse', () => {
  fc.assert(
    fc.property(trees, fc.infiniteStream(fc.boolean()), (tree, choices) => {
      const chosen = new Set<string>();
      const [yes, no] = partition(tree, (_, { path }) => {
        const isChosen = choices.next().value === true;
        if (isChosen) chosen.add(path);
        return isChosen;
      });
      const all = paths(tree);
      expect(paths(yes)).toEqual(all.filter(([path]) => chosen.has(path)));
      expect(paths(no)).toEqual(all.filter(([path]) => !chosen.has(path)));
      expect(shapeOf(combine(yes, no))).toEqual(shapeOf(tree));
      expect(shapeOf(combine(no, yes))).toEqual(shapeOf(tree));
    }),
    { numRuns: 200 },
  );
});

test('partition puts each tensor on the side that the predicate chooses, and null on the other', () => {
  const [yes, no] = partition(model, (_, { path }) => path.endsWith('bias'));
  const biases = allPaths.filter((path) => path.endsWith('bias'));
  expect(paths(yes).map(([path]) => path)).toEqual(biases);
  expect(paths(no).map(([path]) => path)).toEqual(allPaths.filter((p) => !biases.includes(p)));
  expect(yes).toMatchObject({ layers: [{ dense: { weight: null } }, {}], width: 2 });
  expect(no).toMatchObject({ layers: [{ dense: { bias: null } }, {}], width: 2 });
  for (const [path, leaf] of [...paths(yes), ...paths(no)]) expect(at(model, path)).toBe(leaf);
});

test('partition asks its predicate once for every leaf, with its place', () => {
  const asked: [Tensor, string, readonly object[]][] = [];
  partition(model, (leaf, { path, ancestors }) => {
    asked.push([leaf, path, ancestors]);
    return true;
  });
  expect(asked.map(([, path]) => path)).toEqual(allPaths);
  expect(asked[1]?.[0]).toBe(b0);
  expect(asked[1]?.[2]).toEqual([model, model.layers, first, first.dense]);
});

test('combine puts the sides together again, in either order, with the same leaves and classes', () => {
  const [yes, no] = partition(model, (_, { ancestors }) =>
    ancestors.some((node) => node instanceof LayerNorm),
  );
  for (const whole of [combine(yes, no), combine(no, yes)]) {
    expect(whole).toEqual(model);
    expect(whole.layers[0]).toBeInstanceOf(Block);
    for (const [path, leaf] of paths(whole)) expect(at(model, path)).toBe(leaf);
  }
});

test('combine refuses trees that both hold a tensor at a place, and says where', () => {
  const [all] = partition(model, () => true);
  const [biases] = partition(model, (_, { path }) => path === 'layers.0.dense.bias');
  expect(() => combine(all, biases)).toThrow(refusal('tree-mismatch', 'layers.0.dense.bias'));
});
