import { foldIn, LorikeetError, randomKey } from '@lorikeet/tensor-core';
import type { Dataset } from './dataset.ts';
import { inBlocks } from './inBlocks.ts';
import { permutation } from './permutation.ts';
import type { ShuffleOptions } from './shuffle.ts';

export interface BucketOptions<Item> {
  readonly length: (item: Item) => number;
  /** At most so many items in a batch. */
  readonly size: number;
  /** At most so many tokens in a batch, padding counted. Without it, `size` alone decides. */
  readonly tokens?: number;
  /** So many items are sorted by length at a time. Defaults to 64 batches. */
  readonly window?: number;
  /** With it, the batches of a window come in an order that seed and epoch decide; without it, the shortest first. */
  readonly shuffle?: ShuffleOptions;
}

/**
 * Batches of items that are about equally long, so that little is padding. Items of one length stay in their order.
 *
 * @throws LorikeetError `invalid-argument` for an item that alone has more tokens than a batch may.
 */
export function bucketByLength<Item>(
  data: Dataset<Item>,
  { length, size, tokens, window = 64 * size, shuffle }: BucketOptions<Item>,
): Dataset<readonly Item[]> {
  return inBlocks(data, window, async (items, block) => {
    const sorted = items
      .map((item) => ({ item, length: length(item) }))
      .sort((a, b) => a.length - b.length);
    const batches: Item[][] = [];
    let open: Item[] = [];
    for (const { item, length: longest } of sorted) {
      if (tokens !== undefined && longest > tokens) throw tooLong(longest, tokens);
      const isFull = tokens !== undefined && (open.length + 1) * longest > tokens;
      if (open.length === size || (isFull && open.length > 0)) {
        batches.push(open);
        open = [];
      }
      open.push(item);
    }
    if (open.length > 0) batches.push(open);
    if (shuffle === undefined) return batches;
    const key = foldIn(foldIn(randomKey(shuffle.seed), shuffle.epoch), block);
    return (await permutation(key, batches.length)).map((i) => batches[i] as Item[]);
  });
}

function tooLong(length: number, tokens: number): LorikeetError {
  return new LorikeetError('invalid-argument', 'an item has more tokens than a batch may have', {
    expected: `at most ${tokens}`,
    received: `${length}`,
    hint: 'cut the text, or allow more tokens',
  });
}
