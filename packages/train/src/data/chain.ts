import { type Dataset, dataset, requireCount, requireParts } from './dataset.ts';

/** The items of several data sets, one after the other: the shards of one. */
export function chain<Item>(parts: readonly Dataset<Item>[]): Dataset<Item> {
  return dataset(async function* (from) {
    const [first = null, start = null] = from === null ? [] : requireParts(from, 2);
    const begin = requireCount(first, parts.length);
    for (const [i, part] of [...parts.entries()].slice(begin)) {
      for await (const { item, next } of part.entries(i === begin ? start : null))
        yield { item, next: [i, next] };
    }
  });
}
