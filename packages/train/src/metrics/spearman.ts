import { type Judged, judge, type Metric, measure } from './metric.ts';
import { pearson } from './pearson.ts';

/**
 * Spearman's rank correlation of numbers, from -1 to 1: Pearson's of their ranks, where equal values share the mean of
 * their ranks; NaN where the truths or the answers are all the same. Keeps all values.
 */
export const spearman: Metric<Judged<number>, readonly Judged<number>[], number> = {
  init: [],
  add: (kept, items) => [...kept, ...items.map(({ truth, answer }) => ({ truth, answer }))],
  result: (kept) =>
    measure(
      pearson,
      judge(ranks(kept.map(({ truth }) => truth)), ranks(kept.map(({ answer }) => answer))),
    ),
};

/** The rank of each value, from 1; ties share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const result = new Array<number>(values.length).fill(0);
  for (let first = 0; first < order.length; ) {
    let next = first + 1;
    while (next < order.length && values[order[next] ?? 0] === values[order[first] ?? 0]) next++;
    for (const i of order.slice(first, next)) result[i] = (first + 1 + next) / 2;
    first = next;
  }
  return result;
}
