import { LorikeetError } from '@lorikeet/tensor-core';
import type { Metric } from './metric.ts';
import { answerF1, normalizeAnswer } from './squadText.ts';
import { sumMetric } from './sumMetric.ts';

export interface AnsweredQuestion {
  readonly answer: string;
  /** The answers that are right. */
  readonly references: readonly string[];
}

/** In percent. */
export interface SquadScores {
  readonly exactMatch: number;
  readonly f1: number;
  readonly total: number;
}

/**
 * Exact match and F1 of SQuAD 1.1, as its official script counts them: the best over a question's references.
 * Rajpurkar et al., "SQuAD: 100,000+ questions for machine comprehension of text" (EMNLP 2016).
 */
export const squad: Metric<AnsweredQuestion, readonly number[], SquadScores> = sumMetric(
  ({ answer, references }) => {
    if (references.length === 0) {
      throw new LorikeetError('invalid-argument', 'a question has no reference answer', {
        hint: 'questions without an answer are those of SQuAD 2.0: use squad2',
      });
    }
    const [exact, f1] = bestScores(answer, references, false);
    return [exact, f1, 1];
  },
  ([exact = 0, f1 = 0, total = 0]) => ({
    exactMatch: (100 * exact) / total,
    f1: (100 * f1) / total,
    total,
  }),
);

/** Exact match and F1, from 0 to 1, of the references that suit the answer best. */
export function bestScores(
  answer: string,
  references: readonly string[],
  noAnswers: boolean,
): [exact: number, f1: number] {
  const given = normalizeAnswer(answer);
  return [
    references.some((reference) => normalizeAnswer(reference) === given) ? 1 : 0,
    Math.max(...references.map((reference) => answerF1(answer, reference, noAnswers))),
  ];
}
