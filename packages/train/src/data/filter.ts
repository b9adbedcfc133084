import { type Dataset, dataset } from './dataset.ts';

/** The items for which a condition holds. */
export function filter<Item, Kept extends Item>(
  data: Dataset<Item>,
  keep: (item: Item) => item is Kept,
): Dataset<Kept>;
export function filter<Item>(
  data: Dataset<Item>,
  keep: (item: Item) => boolean | Promise<boolean>,
): Dataset<Item>;
export function filter<Item>(
  data: Dataset<Item>,
  keep: (item: Item) => boolean | Promise<boolean>,
): Dataset<Item> {
  return dataset(async function* (from) {
    for await (const entry of data.entries(from)) if (await keep(entry.item)) yield entry;
  });
}
