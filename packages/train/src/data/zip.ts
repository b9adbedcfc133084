import { LorikeetError } from '@lorikeet/tensor-core';
import { type Dataset, dataset, type Position, requireParts } from './dataset.ts';

/**
 * The items of two data sets side by side: the lines of a text and of its translation.
 *
 * @throws LorikeetError `invalid-file`, at the end, if one has more items than the other.
 */
export function zip<First, Second>(
  first: Dataset<First>,
  second: Dataset<Second>,
): Dataset<readonly [First, Second]> {
  return dataset(async function* (from) {
    const [left = null, right = null] = from === null ? [] : requireParts(from, 2);
    const others = second.entries(right)[Symbol.asyncIterator]();
    let count = 0;
    try {
      for await (const { item, next } of first.entries(left)) {
        const other = await others.next();
        if (other.done) throw unequal('second', count);
        count += 1;
        const position: Position = [next, other.value.next];
        yield { item: [item, other.value.item] as const, next: position };
      }
      if (!(await others.next()).done) throw unequal('first', count);
    } finally {
      await others.return?.();
    }
  });
}

function unequal(which: string, count: number): LorikeetError {
  return new LorikeetError(
    'invalid-file',
    'two data sets that belong together are not equally long',
    {
      received: `the ${which} has ended, ${count} items after where reading began`,
    },
  );
}
