import { type Dataset, dataset } from './dataset.ts';

/** What a function makes of each item. It must make the same of the same item each time. */
export function map<Item, Result>(
  data: Dataset<Item>,
  make: (item: Item) => Result | Promise<Result>,
): Dataset<Result> {
  return dataset(async function* (from) {
    for await (const { item, next } of data.entries(from)) yield { item: await make(item), next };
  });
}
