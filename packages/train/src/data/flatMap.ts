import { type Dataset, dataset, type Position, requireCount, requireParts } from './dataset.ts';

/** All that a function makes of each item, one after the other: the windows of a text, the pairs of a document. */
export function flatMap<Item, Result>(
  data: Dataset<Item>,
  make: (item: Item) => readonly Result[] | Promise<readonly Result[]>,
): Dataset<Result> {
  return dataset(async function* (from) {
    const [start = null, given = null] = from === null ? [] : requireParts(from, 2);
    let before: Position = start;
    let done = requireCount(given, Number.MAX_SAFE_INTEGER);
    for await (const { item, next } of data.entries(start)) {
      const results = await make(item);
      for (let i = done; i < results.length; i++) {
        const isLast = i + 1 === results.length;
        yield { item: results[i] as Result, next: isLast ? [next, 0] : [before, i + 1] };
      }
      before = next;
      done = 0;
    }
  });
}
