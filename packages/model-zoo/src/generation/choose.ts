import { foldIn, type Tensor, uniform } from '@lorikeet/tensor-core';
import type { Processor, RowSoFar } from './processor.ts';
import { argmaxOf, softmax } from './softmax.ts';

/** The scores of a row after some processors: [V]. */
export function processed(
  logits: ArrayLike<number>,
  row: RowSoFar,
  processors: readonly Processor[],
): Float64Array {
  const scores = Float64Array.from(logits);
  for (const processor of processors) processor(scores, row);
  return scores;
}

/** The token whose part of the unit interval, in the order of the vocabulary, a random number falls into. */
export function drawn(scores: Float64Array, random: number): number {
  const chances = softmax(scores);
  let sum = 0;
  for (let token = 0; token < chances.length; token++) {
    sum += chances[token] as number;
    if (random < sum) return token;
  }
  // The sum may round to less than 1.
  return argmaxOf(scores);
}

/** Numbers from 0 to 1 for the rows of a step, of the same bits on every backend: 48 random bits each. */
export async function randomRows(key: Tensor, step: number, batch: number): Promise<number[]> {
  const bits = await uniform(foldIn(key, step), [batch, 2]).data();
  return Array.from(
    { length: batch },
    (_, i) => Number(bits[2 * i]) + Number(bits[2 * i + 1]) * 2 ** -24,
  );
}
