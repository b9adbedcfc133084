import { full, type Tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';

/** A module with children of any kind. */
class RandomModule {
  readonly weight: unknown;
  readonly parts: unknown;
  readonly rate: number;

  constructor(weight: unknown, parts: unknown, rate: number) {
    this.weight = weight;
    this.parts = parts;
    this.rate = rate;
  }

  call(x: Tensor): Tensor {
    return x;
  }
}

/** Random trees: modules, arrays and records of tensors, nulls and things that are no part of a tree. */
export function treeArbitrary(): fc.Arbitrary<unknown> {
  const name = fc.constantFrom('weight', 'bias', 'layer', 'a', 'b');
  const tensor = fc
    .array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })
    .map((shape) => full(shape, 0));
  const fixed = fc.constantFrom<unknown>(null, 'static', 3, undefined, Math.sin, new Map([[1, 2]]));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'tree' },
      tensor,
      fixed,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(name, tie('tree'), { maxKeys: 3 }),
      fc
        .tuple(tie('tree'), tie('tree'), fc.double())
        .map(([weight, parts, rate]) => new RandomModule(weight, parts, rate)),
    ),
  }));
  return tree;
}
