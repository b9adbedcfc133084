import { tensor } from '@lorikeet/tensor-core';
import { largestSides } from './largestSides.ts';
import { kaimingValues } from './torch/kaimingValues.ts';
import { MersenneTwister } from './torch/mersenneTwister.ts';
import type { SharedTensors, SharingPlace } from './variant.ts';

/**
 * One pair of random projections for places of all sizes, as PEFT makes it from a seed: each takes as many columns of A,
 * [rows, in], and rows of B, [out, columns], as it needs.
 */
export function sharedProjections(
  places: readonly SharingPlace<unknown>[],
  {
    rows,
    columns,
    seed,
  }: { readonly rows: number; readonly columns: number; readonly seed: number },
): SharedTensors {
  const sides = largestSides(places.map(({ shape }) => shape));
  const generator = new MersenneTwister(seed);
  const A = tensor(kaimingValues(generator, rows * sides.in, sides.in, 0), [rows, sides.in]);
  const B = tensor(kaimingValues(generator, sides.out * columns, columns, 0), [sides.out, columns]);
  return { parameters: {}, frozen: { A, B } };
}
