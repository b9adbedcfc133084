import { foldIn, randomKey } from '@lorikeet/tensor-core';
import { type Dataset, dataset, requireCount } from './dataset.ts';
import { inBlocks } from './inBlocks.ts';
import { permutation } from './permutation.ts';

/** Decides an order: the same for the same seed and epoch, on every backend. */
export interface ShuffleOptions {
  readonly seed: number;
  readonly epoch: number;
}

/** The items of a list in an order that seed and epoch decide. */
export function shuffle<Item>(
  items: readonly Item[],
  { seed, epoch }: ShuffleOptions,
): Dataset<Item> {
  return dataset(async function* (from) {
    const order = await permutation(foldIn(randomKey(seed), epoch), items.length);
    for (let i = requireCount(from, items.length); i < items.length; i++)
      yield { item: items[order[i] as number] as Item, next: i + 1 };
  });
}

/**
 * The items of a stream, each block of `buffer` of them in an order that seed and epoch decide. An item stays in its block:
 * a stream that is sorted by something should be mixed before, or be an `interleave` of several files.
 */
export function shuffleBlocks<Item>(
  data: Dataset<Item>,
  { seed, epoch, buffer }: ShuffleOptions & { readonly buffer: number },
): Dataset<Item> {
  const key = foldIn(randomKey(seed), epoch);
  return inBlocks(data, buffer, async (items, block) => {
    const order = await permutation(foldIn(key, block), items.length);
    return order.map((i) => items[i] as Item);
  });
}
