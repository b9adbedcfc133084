/** How often each run of `length` tokens occurs. Runs are told apart by their text, tokens parted by a space. */
export function countNgrams(
  tokens: readonly string[],
  length: number,
  separator = ' ',
): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + length <= tokens.length; i++) {
    const ngram = tokens.slice(i, i + length).join(separator);
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/** How many runs two counts share. */
export function sharedCount(
  some: ReadonlyMap<string, number>,
  others: ReadonlyMap<string, number>,
): number {
  let shared = 0;
  for (const [ngram, count] of some) shared += Math.min(count, others.get(ngram) ?? 0);
  return shared;
}

export function totalOf(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
