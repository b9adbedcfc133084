/** A pair of tokens that stand beside each other, and how often. */
export interface PairCount {
  /** The numbers of both in one, so that pairs are in the order of their numbers. */
  readonly pair: number;
  readonly count: number;
  /** The words that have the pair. */
  readonly places: ReadonlySet<number>;
}

/** Gives the most frequent pair first; of equals, that of the smaller numbers. */
export class PairHeap {
  readonly #items: PairCount[] = [];

  push(item: PairCount): void {
    const items = this.#items;
    let place = items.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[place] = parent;
      place = above;
    }
    items[place] = item;
  }

  pop(): PairCount | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let place = 0;
    for (;;) {
      const [left, right] = [items[2 * place + 1], items[2 * place + 2]];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, last)) break;
      items[place] = child;
      place = 2 * place + (isRight ? 2 : 1);
    }
    items[place] = last;
    return first;
  }
}

function isBefore(a: PairCount, b: PairCount): boolean {
  return a.count !== b.count ? a.count > b.count : a.pair < b.pair;
}
