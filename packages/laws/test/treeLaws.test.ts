import { describeLaws, LawViolation, treeLaws } from '@lorikeet/laws';
import { MLP } from '@lorikeet/nn';
import { full, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

describeLaws('a random tree', treeLaws(), { describe, test });
const mlp = MLP.init(
  { inFeatures: 2, hiddenFeatures: 3, outFeatures: 1, activation: 'relu' },
  randomKey(1),
);
describeLaws('a model', treeLaws(mlp), { describe, test });

/** A module that keeps a tensor where no walk can carry it over. */
class Hidden {
  #kept: Tensor = full([], 1);

  call(): Tensor {
    return this.#kept;
  }

  get weight(): Tensor {
    return this.#kept;
  }
}

/** A module that makes another tensor with every look. */
class Restless {
  constructor() {
    Object.defineProperty(this, 'weight', {
      enumerable: true,
      configurable: true,
      get: () => full([], 1),
    });
  }

  call(): Tensor {
    return full([], 1);
  }
}

describe('a law finds', () => {
  test.each(
    treeLaws(new Restless())
      .map((law) => [law.name, law] as const)
      .filter(([name]) => !/^(counts|changes)/.test(name)),
  )('a module that is never the same: %s', async (_, law) => {
    await expect(law.check({ runs: 5 })).rejects.toThrow(LawViolation);
  });

  test('nothing in a module that hides its tensors: they are no part of the tree', async () => {
    for (const law of treeLaws(new Hidden())) await law.check({ runs: 2 });
  });
});
