import type { Draw, Shape } from '@lorikeet/tensor-core';
import fc from 'fast-check';

/**
 * A `Draw` whose choices are fast-check's, so that a failing case shrinks. Shapes have rank 0 to 3 and
 * sides up to 4; about one in eight has an axis that may be empty.
 *
 * @param gen the value that `fc.gen()` gives to a property.
 * @example
 * fc.assert(fc.property(fc.gen(), (gen) => {
 *   const { inputs } = tanhOp.sample(fastCheckDraw(gen));
 *   return inputs.length === 1;
 * }));
 */
export function fastCheckDraw(gen: fc.GeneratorValue): Draw {
  const integer = (min: number, max: number): number => gen(fc.integer, { min, max });
  const boolean = (): boolean => gen(fc.boolean);
  return {
    integer,
    boolean,
    pick<T>(options: readonly T[]): T {
      return options[integer(0, options.length - 1)] as T;
    },
    shape({ minRank = 0, maxRank = 3, minSide = 0, maxSide = 4 } = {}) {
      const rank = integer(minRank, maxRank);
      const mayBeEmpty = minSide === 0 && integer(0, 7) === 7;
      const least = mayBeEmpty ? 0 : Math.max(minSide, 1);
      return Array.from({ length: rank }, () => integer(least, maxSide));
    },
    broadcastable(shape: Shape) {
      const kept = shape.slice(integer(0, shape.length));
      return kept.map((side) => (integer(0, 2) === 2 ? 1 : side));
    },
    permutation(length) {
      const order = Array.from({ length }, (_, i) => i);
      for (let i = 0; i < length - 1; i++) {
        const j = i + integer(0, length - 1 - i);
        [order[i], order[j]] = [order[j] as number, order[i] as number];
      }
      return order;
    },
  };
}
