import { type Dataset, dataset, type Position } from './dataset.ts';

export interface BatchOptions {
  readonly size: number;
  /** What becomes of a last batch that is smaller. Defaults to 'keep'. */
  readonly rest?: 'keep' | 'drop';
}

/** Lists of items, in their order. */
export function batch<Item>(
  data: Dataset<Item>,
  { size, rest = 'keep' }: BatchOptions,
): Dataset<readonly Item[]> {
  return dataset(async function* (from) {
    let items: Item[] = [];
    let end: Position = from;
    for await (const { item, next } of data.entries(from)) {
      items.push(item);
      end = next;
      if (items.length < size) continue;
      yield { item: items, next: end };
      items = [];
    }
    if (items.length > 0 && rest === 'keep') yield { item: items, next: end };
  });
}
