import { type Dataset, dataset, type Position } from './dataset.ts';

/** All but the first `count` items, which are read and passed over: where a position is known, go on from it instead. */
export function skip<Item>(data: Dataset<Item>, count: number): Dataset<Item> {
  return dataset(async function* (from: Position) {
    let left = from === null ? count : 0;
    for await (const entry of data.entries(from)) {
      if (left > 0) left -= 1;
      else yield entry;
    }
  });
}
