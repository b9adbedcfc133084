import { type Judged, type Metric, nothingToMeasure } from './metric.ts';

/** Count, means, sums of squared distances from the means, and of their product. */
export type Moments = readonly [
  count: number,
  meanTruth: number,
  meanAnswer: number,
  spreadTruth: number,
  spreadAnswer: number,
  together: number,
];

/**
 * Pearson's correlation of numbers, from -1 to 1; NaN where the truths or the answers are all the same, as in SciPy.
 * Means and spreads are updated item by item (Welford, 1962), so that large values cost no digits.
 */
export const pearson: Metric<Judged<number>, Moments, number> = {
  init: [0, 0, 0, 0, 0, 0],
  add: (moments, items) => items.reduce(addPoint, moments),
  result([count, , , spreadTruth, spreadAnswer, together]) {
    if (count === 0) throw nothingToMeasure();
    const spread = Math.sqrt(spreadTruth) * Math.sqrt(spreadAnswer);
    return spread === 0 ? Number.NaN : Math.max(-1, Math.min(1, together / spread));
  },
};

function addPoint(
  [count, meanTruth, meanAnswer, spreadTruth, spreadAnswer, together]: Moments,
  { truth, answer }: Judged<number>,
): Moments {
  const [x, y] = [truth - meanTruth, answer - meanAnswer];
  const weight = count / (count + 1);
  return [
    count + 1,
    meanTruth + x / (count + 1),
    meanAnswer + y / (count + 1),
    spreadTruth + x * x * weight,
    spreadAnswer + y * y * weight,
    together + x * y * weight,
  ];
}
