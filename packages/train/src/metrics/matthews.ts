import { fScore } from './fScore.ts';
import { type LabelCounts, totalCount } from './labelCounts.ts';
import { type Judged, type Metric, nothingToMeasure } from './metric.ts';

/**
 * Matthews' correlation of classes, of two or more, from -1 to 1; 0 where all truths or all answers are one class, as in
 * scikit-learn. Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004).
 */
export const matthews: Metric<Judged<string | number>, LabelCounts, number> = {
  init: {},
  add: fScore().add,
  result(labels) {
    const counts = Object.values(labels);
    const [right, all] = totalCount(counts);
    if (all === 0) throw nothingToMeasure();
    let [both, answers, truths] = [0, 0, 0];
    for (const [, answered, actual] of counts) {
      both += answered * actual;
      answers += answered * answered;
      truths += actual * actual;
    }
    const spread = Math.sqrt(all * all - answers) * Math.sqrt(all * all - truths);
    return spread === 0 ? 0 : Math.max(-1, Math.min(1, (right * all - both) / spread));
  },
};
