import { type Tensor, tensor } from '@lorikeet/tensor-core';
import type { SiteShape } from '../siteShape.ts';
import { MersenneTwister } from './mersenneTwister.ts';
import { permutationStart } from './randomValues.ts';

/**
 * Entries of a weight that PyTorch's `randperm` selects by a seed, in its order: i32 [2, n], rows and columns of
 * [out, in].
 */
export function seededEntries(
  shape: SiteShape,
  {
    count,
    seed,
    sorted = false,
  }: { readonly count: number; readonly seed: number; readonly sorted?: boolean },
): Tensor {
  const size = shape.in * shape.out;
  const flat = permutationStart(new MersenneTwister(seed), size, count);
  if (sorted) flat.sort();
  const rows = flat.map((place) => Math.floor(place / shape.in));
  const columns = flat.map((place) => place % shape.in);
  return tensor(Int32Array.of(...rows, ...columns), [2, flat.length], 'i32');
}
