import { LorikeetError } from '@lorikeet/tensor-core';

/**
 * A place in a data set from which reading can go on: plain data that JSON keeps. `null` is the beginning; what else it
 * holds, only the data set that gave it knows.
 */
export type Position = null | number | string | readonly Position[];

export interface Entry<Item> {
  readonly item: Item;
  /** Where reading goes on after the item. */
  readonly next: Position;
}

/**
 * Items in an order that is the same each time they are read. From the position of an entry the rest is the same as if
 * reading had never stopped.
 */
export interface Dataset<Item> extends AsyncIterable<Item> {
  entries(from?: Position): AsyncIterable<Entry<Item>>;
}

/** The data set whose entries are read so. */
export function dataset<Item>(
  entries: (from: Position) => AsyncIterable<Entry<Item>>,
): Dataset<Item> {
  return {
    entries: (from = null) => entries(from),
    async *[Symbol.asyncIterator]() {
      for await (const { item } of entries(null)) yield item;
    },
  };
}

/** All items. */
export async function collect<Item>(data: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of data) items.push(item);
  return items;
}

/** @throws LorikeetError `invalid-argument` if the position is not a count of at most `most`. */
export function requireCount(position: Position, most: number): number {
  if (position === null) return 0;
  if (
    typeof position === 'number' &&
    Number.isInteger(position) &&
    position >= 0 &&
    position <= most
  )
    return position;
  throw foreignPosition(position);
}

/** @throws LorikeetError `invalid-argument` if the position is not a list of so many parts. */
export function requireParts(position: Position, parts: number): readonly Position[] {
  if (Array.isArray(position) && position.length === parts) return position;
  throw foreignPosition(position);
}

function foreignPosition(position: Position): LorikeetError {
  return new LorikeetError('invalid-argument', 'the position is not one of this data set', {
    received: JSON.stringify(position),
    hint: 'go on with the data set, and the settings, that the position was taken from',
  });
}
