import { ratio } from './sumMetric.ts';

/** How often a label was rightly answered, was answered, and was the truth. */
export type LabelCount = readonly [hits: number, answered: number, actual: number];

/** By label, as text. */
export type LabelCounts = Readonly<Record<string, LabelCount>>;

/** Precision, recall and their harmonic mean, from 0 to 1; a ratio of nothing to nothing is 0. */
export interface Scores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface SupportedScores extends Scores {
  /** How often it is the truth. */
  readonly support: number;
}

/** Adds items, each as the labels that it truly has and those that it was given. */
export function addLabels(
  counts: LabelCounts,
  items: readonly {
    readonly truths: readonly string[];
    readonly answers: readonly string[];
    readonly hits: readonly string[];
  }[],
): LabelCounts {
  const sums = new Map(Object.entries(counts));
  const add = (label: string, hits: number, answered: number, actual: number): void => {
    const [h, a, t] = sums.get(label) ?? [0, 0, 0];
    sums.set(label, [h + hits, a + answered, t + actual]);
  };
  for (const { truths, answers, hits } of items) {
    for (const label of truths) add(label, 0, 0, 1);
    for (const label of answers) add(label, 0, 1, 0);
    for (const label of hits) add(label, 1, 0, 0);
  }
  return Object.fromEntries(sums);
}

export function scoresOf([hits, answered, actual]: LabelCount): SupportedScores {
  return {
    precision: ratio(hits, answered),
    recall: ratio(hits, actual),
    f1: ratio(2 * hits, answered + actual),
    support: actual,
  };
}

export function totalCount(counts: readonly LabelCount[]): LabelCount {
  return counts.reduce<LabelCount>(
    ([h, a, t], [hits, answered, actual]) => [h + hits, a + answered, t + actual],
    [0, 0, 0],
  );
}
