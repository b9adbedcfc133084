import { type Metric, nothingToMeasure } from './metric.ts';

/** A metric that follows from sums: each item gives some numbers, which are added one item after the other. */
export function sumMetric<Item, Result>(
  numbersOf: (item: Item) => readonly number[],
  result: (sums: readonly number[]) => Result,
): Metric<Item, readonly number[], Result> {
  return {
    init: [],
    add: (sums, items) => items.reduce((sum, item) => addNumbers(sum, numbersOf(item)), sums),
    result(sums) {
      if (sums.length === 0) throw nothingToMeasure();
      return result(sums);
    },
  };
}

/** The sum of two lists of numbers, place by place; no list counts as zeros. */
export function addNumbers(sums: readonly number[], numbers: readonly number[]): readonly number[] {
  return numbers.map((number, i) => (sums[i] ?? 0) + number);
}

/** A ratio of nothing to nothing is 0. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
