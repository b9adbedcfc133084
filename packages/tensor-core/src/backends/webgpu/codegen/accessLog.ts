import type { Place } from './place.ts';

/** A load or a store in the text of a kernel. */
interface Access {
  /** Nothing if it cannot be told. */
  readonly place: Place | undefined;
  /** The block that it is in: within one run of it, variables have one value. */
  readonly block: object;
  readonly order: number;
}

/** Where a kernel loads and stores each value, in the order of its text. */
export class AccessLog {
  readonly #loads = new Map<number, Access[]>();
  readonly #stores = new Map<number, Access[]>();
  #count = 0;

  load(value: number, place: Place | undefined, block: object): void {
    this.#note(this.#loads, value, place, block);
  }

  store(value: number, place: Place | undefined, block: object): void {
    this.#note(this.#stores, value, place, block);
  }

  reads(value: number): boolean {
    return this.#loads.has(value);
  }

  /**
   * Whether all that is loaded of `input` is, by each thread, the very element of `output` that it stores behind it: in
   * the same block, so that no thread loads it that does not store it, and none that stores it loads it later.
   */
  replaces(output: number, input: number): boolean {
    const [store, ...others] = this.#stores.get(output) ?? [];
    const key = store?.place?.key;
    if (store === undefined || key === undefined || others.length > 0 || this.#stores.has(input))
      return false;
    return (this.#loads.get(input) ?? []).every(
      ({ place, block, order }) =>
        place?.key === key && block === store.block && order < store.order,
    );
  }

  /** All that is loaded, by values: flat places, or nothing where they cannot be told. */
  *loads(): Iterable<readonly [value: number, places: readonly (Place | undefined)[]]> {
    for (const [value, accesses] of this.#loads) yield [value, accesses.map(({ place }) => place)];
  }

  #note(
    accesses: Map<number, Access[]>,
    value: number,
    place: Place | undefined,
    block: object,
  ): void {
    const access = { place, block, order: this.#count++ };
    const known = accesses.get(value);
    if (known === undefined) accesses.set(value, [access]);
    else known.push(access);
  }
}
