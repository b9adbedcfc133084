import type { Position } from './data/dataset.ts';
import type { Batch, Batches } from './fitOptions.ts';

/** Up to where a run has read an epoch. */
export interface ReadUpTo {
  /** Batches that are done. */
  readonly batch: number;
  /** Of a data set that can go on from a position of its own. */
  readonly data: Position;
}

interface Read<Inputs> {
  readonly batch: Batch<Inputs>;
  readonly next: Position;
}

/** The batches of an epoch that a run has not done yet. */
export async function* remaining<Inputs>(
  batches: Batches<Inputs>,
  { batch: done, data }: ReadUpTo,
): AsyncGenerator<Read<Inputs>> {
  if (batches.entries !== undefined) {
    for await (const { item, next } of batches.entries(data)) yield { batch: item, next };
    return;
  }
  let number = 0;
  for await (const batch of batches) {
    number += 1;
    if (number > done) yield { batch, next: null };
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
