import { placeOf } from '../uniform.ts';

/** The parts of a data set. */
export interface Splits<Item> {
  readonly train: readonly Item[];
  readonly validation: readonly Item[];
  readonly test: readonly Item[];
}

export interface SplitOptions {
  /** Defaults to 0. */
  readonly seed?: number;
  /** Share of the groups. Defaults to 0.1. */
  readonly validation?: number;
  /** Share of the groups. Defaults to 0.1. */
  readonly test?: number;
}

/**
 * Parts items so that all of a group are in one part: what is alike must not be learnt from and tested on. A group's part
 * follows from its name and the seed alone, whatever other groups there are; the shares are met about.
 */
export function splitByGroup<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => string,
  { seed = 0, validation = 0.1, test = 0.1 }: SplitOptions = {},
): Splits<Item> {
  const parts: Record<keyof Splits<Item>, Item[]> = { train: [], validation: [], test: [] };
  for (const item of items) {
    const place = placeOf(groupOf(item), seed);
    const part = place < test ? 'test' : place < test + validation ? 'validation' : 'train';
    parts[part].push(item);
  }
  return parts;
}
