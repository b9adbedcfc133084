import { describeLaws, LawViolation, treeArbitrary, treeLaws } from '@lorikeet/laws';
import { MLP, paths } from '@lorikeet/nn';
import { full, isTreeNode, randomKey, type Tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describeLaws('a random tree', treeLaws(), { describe, test });
const mlp = MLP.init(
  { inFeatures: 2, hiddenFeatures: 3, outFeatures: 1, activation: 'relu' },
  randomKey(1),
);
describeLaws('a model', treeLaws(mlp), { describe, test });
describeLaws('a list of models', treeLaws(fc.array(fc.constant(mlp), { maxLength: 2 })), {
  describe,
  test,
});

test('random trees hold modules, arrays, records, tensors and static values', () => {
  const trees = fc.sample(treeArbitrary(), { numRuns: 300, seed: 1 });
  expect(trees.some(Array.isArray)).toBe(true);
  expect(trees.some((tree) => isTreeNode(tree) && 'call' in tree)).toBe(true);
  expect(
    trees.some((tree) => isTreeNode(tree) && Object.getPrototypeOf(tree) === Object.prototype),
  ).toBe(true);
  expect(trees.some((tree) => !isTreeNode(tree) && paths(tree).length === 0)).toBe(true);
  expect(Math.max(...trees.map((tree) => paths(tree).length))).toBeGreaterThan(3);
});

/** What all modules here must have to be modules. */
class Module {
  call(x: Tensor): Tensor {
    return x;
  }
}

/** Declares a field that is visited, with a getter. */
function declare(module: object, field: string, get: () => unknown): void {
  Object.defineProperty(module, field, { enumerable: true, configurable: true, get });
}

/** Makes another tensor with every look. */
class Restless extends Module {
  constructor() {
    super();
    declare(this, 'weight', () => full([], 1));
  }
}

let looks = 0;

/** Grows with every look. */
class Growing extends Module {
  constructor() {
    super();
    declare(this, 'weight', () => full([++looks], 1));
  }
}

/** Forgets in a copy what it is besides its tensors. */
class Forgetful extends Module {
  readonly weight: Tensor = full([], 1);

  set rate(_: number) {
    // Where a copy would write the static value, which the constructor declares.
  }

  constructor() {
    super();
    Object.defineProperty(this, 'rate', { enumerable: true, value: 3 });
  }
}

/** Two fields that are one in a copy, which a setter brings about. */
class Tied extends Module {
  readonly a: Tensor = full([], 1);

  set b(value: Tensor) {
    for (const field of ['a', 'b']) Object.defineProperty(this, field, { enumerable: true, value });
  }

  constructor() {
    super();
    Object.defineProperty(this, 'b', { enumerable: true, value: full([], 2) });
  }
}

/** Two fields that have one path. */
const ambiguous = { 'a.b': full([], 1), a: { b: full([], 2) } };

const mutants: readonly (readonly [mistake: string, tree: unknown, killers: readonly string[]])[] =
  [
    [
      'a tensor that is never the same',
      new Restless(),
      [
        'is kept by the identity',
        'is the same after it was flattened',
        'is mapped twice as by both maps at once',
        'is put together again from a partition',
        'has a path of its own for each tensor, which leads there',
      ],
    ],
    ['a size that is never the same', new Growing(), ['counts its parameters by parts']],
    [
      'a static value that a copy lacks',
      new Forgetful(),
      [
        'is kept by the identity',
        'is the same after it was flattened',
        'is put together again from a partition',
        'changes in one place when one place is replaced',
      ],
    ],
    [
      'a copy whose fields are tied',
      new Tied(),
      ['is kept by the identity', 'changes in one place when one place is replaced'],
    ],
    [
      'two tensors of one path',
      ambiguous,
      ['has a path of its own for each tensor, which leads there'],
    ],
  ];

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, tree, killers) => {
    const laws = treeLaws(tree).filter(({ name }) => killers.includes(name));
    expect(laws).toHaveLength(killers.length);
    for (const law of laws)
      await expect(law.check({ runs: 5 }), law.name).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const found = new Set(mutants.flatMap(([, , killers]) => killers));
  expect(treeLaws().filter(({ name }) => !found.has(name))).toEqual([]);
});
