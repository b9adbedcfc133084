/** A value that is in memory from one step to another, both included. */
export interface Lifetime {
  readonly value: number;
  readonly bytes: number;
  readonly from: number;
  readonly until: number;
}

interface ArenaPlace {
  /** Which of the buffers that the arena is made of. */
  readonly chunk: number;
  readonly offset: number;
}

export interface ArenaPlan {
  readonly places: ReadonlyMap<number, ArenaPlace>;
  /** Sizes of the buffers. */
  readonly chunks: readonly number[];
  /** Of all of them. */
  readonly bytes: number;
}

type Placed = Lifetime & { readonly offset: number };

/** Bindings begin at multiples of this: the most that an adapter may ask for. */
export const bindingAlignment = 256;

/**
 * Places for values of which those that live at the same time do not overlap. The largest are placed first, each in
 * the lowest gap that it fits in (Pisarchyk and Lee 2020, "greedy by size"), in the first chunk that has one.
 *
 * @param maxChunkBytes the most that a chunk may have. A value that is larger still gets a chunk of its own.
 */
export function planArena(
  lifetimes: readonly Lifetime[],
  maxChunkBytes: number = Number.MAX_SAFE_INTEGER,
): ArenaPlan {
  const most = Math.floor(maxChunkBytes / bindingAlignment) * bindingAlignment;
  const order = [...lifetimes].sort(
    (a, b) => b.bytes - a.bytes || a.from - b.from || a.value - b.value,
  );
  const chunks: Placed[][] = [];
  const places = new Map<number, ArenaPlace>();
  for (const lifetime of order) {
    let [chunk, offset] = [0, 0];
    for (; chunk < chunks.length; chunk++) {
      offset = lowestGap(lifetime, chunks[chunk] ?? []);
      if (offset + lifetime.bytes <= most) break;
    }
    if (chunk === chunks.length) {
      chunks.push([]);
      offset = 0;
    }
    insert({ ...lifetime, offset }, chunks[chunk] ?? []);
    places.set(lifetime.value, { chunk, offset });
  }
  const sizes = chunks.map((chunk) =>
    chunk.reduce((size, { offset, bytes }) => Math.max(size, aligned(offset + bytes)), 0),
  );
  return { places, chunks: sizes, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** @param placed in the order of their offsets. */
function lowestGap({ from, until, bytes }: Lifetime, placed: readonly Placed[]): number {
  let offset = 0;
  for (const other of placed) {
    if (other.from > until || other.until < from) continue;
    if (offset + bytes <= other.offset) break;
    offset = Math.max(offset, aligned(other.offset + other.bytes));
  }
  return offset;
}

function insert(lifetime: Placed, placed: Placed[]): void {
  const next = placed.findIndex(({ offset }) => offset > lifetime.offset);
  placed.splice(next < 0 ? placed.length : next, 0, lifetime);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / bindingAlignment) * bindingAlignment;
}
