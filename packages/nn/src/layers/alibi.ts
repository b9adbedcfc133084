import { mul, reshape, type Tensor, tensor } from '@lorikeet/tensor-core';
import { relativePositions } from './relativePositions.ts';

/**
 * How much a head minds distance: `2^(-8 i / heads)` for a power of two; else those of the power below, and
 * every second of the power above. Press, Smith and Lewis 2022.
 */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const slopes = Array.from({ length: power }, (_, i) => 2 ** ((-8 * (i + 1)) / power));
  if (power === heads) return slopes;
  const between = alibiSlopes(2 * power).filter((_, i) => i % 2 === 0);
  return [...slopes, ...between.slice(0, heads - power)];
}

/**
 * What is added to the products of T queries and S keys, of which the last stand at one place: minus the slope of
 * the head times how far a key is before its query. Press, Smith and Lewis 2022.
 *
 * @returns [1, H, T, S]; above 0 behind the query, where causal attention does not look.
 */
export function alibiBias(heads: number, queries: number, keys: number): Tensor {
  const slopes = tensor(alibiSlopes(heads), [1, heads, 1, 1], 'f32');
  return mul(slopes, reshape(relativePositions(queries, keys), [1, 1, queries, keys]));
}
