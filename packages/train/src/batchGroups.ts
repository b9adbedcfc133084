import type { Batch, Batches } from './fitOptions.ts';

/** The batches of an epoch that a run has not done yet. */
export async function* remaining<Inputs>(
  batches: Batches<Inputs>,
  done: number,
): AsyncGenerator<Batch<Inputs>> {
  if (batches.skip !== undefined && done > 0) {
    yield* batches.skip(done);
    return;
  }
  let number = 0;
  for await (const batch of batches) {
    number += 1;
    if (number > done) yield batch;
  }
}

/** Items in groups of `size`; the last may be smaller. */
export async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
