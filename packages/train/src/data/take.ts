import { type Dataset, dataset, requireCount, requireParts } from './dataset.ts';

/** The first items, no more than `count`. */
export function take<Item>(data: Dataset<Item>, count: number): Dataset<Item> {
  return dataset(async function* (from) {
    const [taken = null, start = null] = from === null ? [] : requireParts(from, 2);
    let done = requireCount(taken, count);
    if (done >= count) return;
    for await (const { item, next } of data.entries(start)) {
      done += 1;
      yield { item, next: [done, next] };
      if (done >= count) return;
    }
  });
}
