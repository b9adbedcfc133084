import { collect, type Dataset, type Position } from '@lorikeet/train/data';
import { expect } from 'vitest';

/**
 * What holds for every data set: it reads the same each time, and from the position of each entry, kept as JSON, the rest is
 * the same as if reading had never stopped.
 */
export async function expectLawful<Item>(data: Dataset<Item>): Promise<void> {
  const entries = await collect(data.entries());
  const items = entries.map(({ item }) => item);
  expect(await collect(data)).toEqual(items);
  for (const [i, { next }] of entries.entries()) {
    const kept: Position = JSON.parse(JSON.stringify(next));
    const rest = await collect(data.entries(kept));
    expect(rest).toEqual(entries.slice(i + 1));
  }
}
