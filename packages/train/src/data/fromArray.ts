import { type Dataset, dataset, requireCount } from './dataset.ts';

/** The items of a list, in its order. */
export function fromArray<Item>(items: readonly Item[]): Dataset<Item> {
  return dataset(async function* (from) {
    for (let i = requireCount(from, items.length); i < items.length; i++)
      yield { item: items[i] as Item, next: i + 1 };
  });
}
