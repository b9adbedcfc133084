import { type Dataset, dataset, type Position, requireCount, requireParts } from './dataset.ts';

/**
 * Reads so many items at a time, and gives what a function makes of such a block. To go on from a position, only its block
 * is read again, so that arranging is exact and cheap to resume.
 *
 * @param arrange gets the number of the block, from 0, for a key of its own.
 */
export function inBlocks<Item, Result>(
  data: Dataset<Item>,
  size: number,
  arrange: (items: readonly Item[], block: number) => Promise<readonly Result[]>,
): Dataset<Result> {
  return dataset(async function* (from) {
    const [number = null, begin = null, given = null] = from === null ? [] : requireParts(from, 3);
    let block = requireCount(number, Number.MAX_SAFE_INTEGER);
    let [start, done] = [begin, requireCount(given, Number.MAX_SAFE_INTEGER)];
    let items: Item[] = [];
    let end: Position = start;
    const results = async function* () {
      const arranged = await arrange(items, block);
      for (let i = done; i < arranged.length; i++) {
        const isLast = i + 1 === arranged.length;
        const next: Position = isLast ? [block + 1, end, 0] : [block, start, i + 1];
        yield { item: arranged[i] as Result, next };
      }
      [block, start, done, items] = [block + 1, end, 0, []];
    };
    for await (const { item, next } of data.entries(start)) {
      items.push(item);
      end = next;
      if (items.length === size) yield* results();
    }
    if (items.length > 0) yield* results();
  });
}
