/** A value that is in memory from one step to another, both included. */
export interface Lifetime {
  readonly value: number;
  readonly bytes: number;
  readonly from: number;
  readonly until: number;
}

export interface ArenaPlan {
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

/** Bindings begin at multiples of this: the most that an adapter may ask for. */
const alignment = 256;

/**
 * Places for values of which those that live at the same time do not overlap. The largest are placed first, each in
 * the lowest gap that it fits in (Pisarchyk and Lee 2020, "greedy by size").
 */
export function planArena(lifetimes: readonly Lifetime[]): ArenaPlan {
  const placed: (Lifetime & { readonly offset: number })[] = [];
  const order = [...lifetimes].sort(
    (a, b) => b.bytes - a.bytes || a.from - b.from || a.value - b.value,
  );
  let bytes = 0;
  for (const lifetime of order) {
    const meets = placed
      .filter(({ from, until }) => from <= lifetime.until && until >= lifetime.from)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of meets) {
      if (offset + lifetime.bytes <= other.offset) break;
      offset = Math.max(offset, aligned(other.offset + other.bytes));
    }
    placed.push({ ...lifetime, offset });
    bytes = Math.max(bytes, aligned(offset + lifetime.bytes));
  }
  return { offsets: new Map(placed.map(({ value, offset }) => [value, offset])), bytes };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
