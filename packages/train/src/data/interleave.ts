import {
  type Dataset,
  dataset,
  type Entry,
  type Position,
  requireCount,
  requireParts,
} from './dataset.ts';

/**
 * An item of each data set in turn, until all have ended: several files of one kind each, mixed. Position and order do not depend on
 * how fast the files are read.
 */
export function interleave<Item>(parts: readonly Dataset<Item>[]): Dataset<Item> {
  return dataset(async function* (from) {
    const [turn = null, places = null] = from === null ? [] : requireParts(from, 2);
    const next: Position[] = [
      ...(places === null ? parts.map(() => null) : requireParts(places, parts.length)),
    ];
    // A part that has ended is read no more: its place is then the text 'end'.
    const readers = parts.map((part, i) =>
      next[i] === 'end' ? undefined : part.entries(next[i])[Symbol.asyncIterator](),
    );
    try {
      let i = requireCount(turn, Math.max(0, parts.length - 1));
      for (let ended = 0; ended < parts.length; i = (i + 1) % parts.length) {
        const entry = await nextOf(readers[i]);
        if (entry === undefined) {
          next[i] = 'end';
          readers[i] = undefined;
          ended += 1;
          continue;
        }
        ended = 0;
        next[i] = entry.next;
        yield { item: entry.item, next: [(i + 1) % parts.length, [...next]] };
      }
    } finally {
      for (const reader of readers) await reader?.return?.();
    }
  });
}

async function nextOf<Item>(
  reader: AsyncIterator<Entry<Item>> | undefined,
): Promise<Entry<Item> | undefined> {
  const result = await reader?.next();
  return result === undefined || result.done ? undefined : result.value;
}
