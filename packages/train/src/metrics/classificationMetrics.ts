import { LorikeetError } from '@lorikeet/tensor-core';

/** Counts of a classifier's answers: `confusion[truth][answer]`. */
export type Confusion = readonly (readonly number[])[];

export interface ClassificationMetrics {
  /** Share of right answers. */
  readonly accuracy: number;
  /** Harmonic mean of precision and recall of the class `positive`. */
  readonly f1: number;
  readonly precision: number;
  readonly recall: number;
  readonly confusion: Confusion;
}

/**
 * Accuracy, F1, precision, recall and the confusion matrix. A ratio of nothing to nothing is 0, as in
 * scikit-learn.
 *
 * @param positive the class whose precision and recall count. Defaults to 1.
 */
export function classificationMetrics(
  truths: readonly number[],
  answers: readonly number[],
  classes: number,
  positive = 1,
): ClassificationMetrics {
  if (truths.length !== answers.length || truths.length === 0) {
    throw new LorikeetError(
      'invalid-argument',
      'metrics need as many answers as truths, and at least one',
      {
        received: `${truths.length} truths, ${answers.length} answers`,
      },
    );
  }
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  truths.forEach((truth, i) => {
    const answer = answers[i] ?? -1;
    const row = confusion[truth];
    const count = row?.[answer];
    if (row === undefined || count === undefined) {
      throw new LorikeetError(
        'invalid-argument',
        `class ${truth} or ${answer} is not one of ${classes}`,
      );
    }
    row[answer] = count + 1;
  });
  const right = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const hits = confusion[positive]?.[positive] ?? 0;
  const answered = confusion.reduce((sum, row) => sum + (row[positive] ?? 0), 0);
  const actual = confusion[positive]?.reduce((sum, count) => sum + count, 0) ?? 0;
  return {
    accuracy: right / truths.length,
    f1: ratio(2 * hits, answered + actual),
    precision: ratio(hits, answered),
    recall: ratio(hits, actual),
    confusion,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
