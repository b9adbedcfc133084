import type { Judged, Metric } from './metric.ts';
import { sumMetric } from './sumMetric.ts';

/** Share of answers that are the truth, from 0 to 1. */
export const accuracy: Metric<Judged<string | number>, readonly number[], number> = sumMetric(
  ({ truth, answer }) => [truth === answer ? 1 : 0, 1],
  ([right = 0, all = 0]) => right / all,
);
