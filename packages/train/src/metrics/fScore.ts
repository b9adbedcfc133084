import { LorikeetError } from '@lorikeet/tensor-core';
import {
  addLabels,
  type LabelCounts,
  type SupportedScores,
  scoresOf,
  totalCount,
} from './labelCounts.ts';
import { type Judged, type Metric, nothingToMeasure } from './metric.ts';
import { ratio } from './sumMetric.ts';

export interface FScoreOptions {
  /**
   * 'binary': of the label `positive`; 'micro': of all labels' counts together; 'macro': the mean over labels;
   * 'weighted': that mean, weighted by how often a label is the truth. Defaults to 'binary'.
   */
  readonly average?: 'binary' | 'micro' | 'macro' | 'weighted';
  /** Defaults to 1. */
  readonly positive?: string | number;
  /** The labels that count. Defaults to all that are a truth or an answer. */
  readonly labels?: readonly (string | number)[];
}

export interface FScore extends SupportedScores {
  /** By label. */
  readonly labels: Readonly<Record<string, SupportedScores>>;
}

/** Precision, recall and F1 as scikit-learn counts them, with `zero_division=0`. Labels are told apart as text. */
export function fScore({
  average = 'binary',
  positive = 1,
  labels: counted,
}: FScoreOptions = {}): Metric<Judged<string | number>, LabelCounts, FScore> {
  return {
    init: {},
    add: (counts, items) =>
      addLabels(
        counts,
        items.map(({ truth, answer }) => ({
          truths: [String(truth)],
          answers: [String(answer)],
          hits: truth === answer ? [String(truth)] : [],
        })),
      ),
    result(counts) {
      if (Object.keys(counts).length === 0) throw nothingToMeasure();
      const known = new Map(Object.entries(counts));
      const names = counted?.map(String) ?? [...known.keys()].sort();
      if (names.length === 0) {
        throw new LorikeetError('invalid-argument', 'an F-score needs at least one label');
      }
      const chosen = names.map((name) => known.get(name) ?? ([0, 0, 0] as const));
      const each = chosen.map(scoresOf);
      const labels = Object.fromEntries(names.map((name, i) => [name, each[i] as SupportedScores]));
      if (average === 'binary')
        return { ...scoresOf(known.get(String(positive)) ?? [0, 0, 0]), labels };
      if (average === 'micro') return { ...scoresOf(totalCount(chosen)), labels };
      return { ...meanScores(each, average === 'weighted'), labels };
    },
  };
}

/** @param weighted by support; otherwise each counts the same. */
function meanScores(each: readonly SupportedScores[], weighted: boolean): SupportedScores {
  const weights = each.map(({ support }) => (weighted ? support : 1));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (key: 'precision' | 'recall' | 'f1'): number =>
    ratio(
      each.reduce((sum, scores, i) => sum + scores[key] * (weights[i] ?? 0), 0),
      whole,
    );
  return {
    precision: mean('precision'),
    recall: mean('recall'),
    f1: mean('f1'),
    support: each.reduce((sum, { support }) => sum + support, 0),
  };
}
