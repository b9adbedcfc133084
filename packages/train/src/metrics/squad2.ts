import { type Metric, nothingToMeasure } from './metric.ts';
import { type AnsweredQuestion, bestScores, type SquadScores } from './squad.ts';
import { normalizeAnswer } from './squadText.ts';
import { ratio } from './sumMetric.ts';

export interface MaybeAnsweredQuestion extends AnsweredQuestion {
  /** The empty text is the answer that there is none. */
  readonly answer: string;
  /** Without any, the question has no answer. */
  readonly references: readonly string[];
  /** That there is no answer; any score that is larger where that is likelier. Defaults to 0. */
  readonly noAnswerProbability?: number;
}

interface Marked {
  readonly exact: number;
  readonly f1: number;
  readonly isAnswerable: boolean;
  readonly isAnswered: boolean;
  readonly noAnswer: number;
}

export interface Squad2Scores extends SquadScores {
  /** Of the questions that have an answer. */
  readonly answerable: SquadScores;
  readonly unanswerable: SquadScores;
  /** The best that a threshold on `noAnswerProbability` could give, and the least threshold that does. */
  readonly best: {
    readonly exactMatch: number;
    readonly exactMatchThreshold: number;
    readonly f1: number;
    readonly f1Threshold: number;
  };
}

/**
 * Exact match and F1 of SQuAD 2.0, as its official script counts them. Keeps the marks of all questions.
 * Rajpurkar, Jia and Liang, "Know what you don't know" (ACL 2018).
 *
 * @param threshold above this `noAnswerProbability` a question counts as not answered. Defaults to 1.
 */
export function squad2(
  threshold = 1,
): Metric<MaybeAnsweredQuestion, readonly Marked[], Squad2Scores> {
  return {
    init: [],
    add: (kept, items) => [...kept, ...items.map(mark)],
    result(marks) {
      if (marks.length === 0) throw nothingToMeasure();
      const decided = marks.map((one) => {
        if (one.noAnswer <= threshold) return one;
        const right = one.isAnswerable ? 0 : 1;
        return { ...one, exact: right, f1: right };
      });
      const exact = bestThreshold(marks, 'exact');
      const f1 = bestThreshold(marks, 'f1');
      return {
        ...scores(decided),
        answerable: scores(decided.filter(({ isAnswerable }) => isAnswerable)),
        unanswerable: scores(decided.filter(({ isAnswerable }) => !isAnswerable)),
        best: {
          exactMatch: exact.score,
          exactMatchThreshold: exact.threshold,
          f1: f1.score,
          f1Threshold: f1.threshold,
        },
      };
    },
  };
}

function mark({ answer, references, noAnswerProbability = 0 }: MaybeAnsweredQuestion): Marked {
  const kept = references.filter((reference) => normalizeAnswer(reference) !== '');
  const [exact, f1] = bestScores(answer, kept.length === 0 ? [''] : kept, true);
  return {
    exact,
    f1,
    isAnswerable: references.length > 0,
    isAnswered: answer !== '',
    noAnswer: noAnswerProbability,
  };
}

function scores(marks: readonly Marked[]): SquadScores {
  const total = marks.length;
  const percent = (key: 'exact' | 'f1'): number =>
    ratio(100 * marks.reduce((sum, one) => sum + one[key], 0), total);
  return { exactMatch: percent('exact'), f1: percent('f1'), total };
}

/**
 * Answers the surest question first, then the next, beginning with none. Questions that are equally sure come together,
 * since no threshold parts them; the official script parts them by their order in the file.
 */
function bestThreshold(
  marks: readonly Marked[],
  key: 'exact' | 'f1',
): { score: number; threshold: number } {
  let score = marks.filter(({ isAnswerable }) => !isAnswerable).length;
  let best = { score, threshold: 0 };
  const sorted = marks.toSorted((a, b) => a.noAnswer - b.noAnswer);
  for (const [i, { isAnswerable, isAnswered, noAnswer, [key]: points }] of sorted.entries()) {
    score += isAnswerable ? points : isAnswered ? -1 : 0;
    if (sorted[i + 1]?.noAnswer === noAnswer) continue;
    if (score > best.score + rounding) best = { score, threshold: noAnswer };
  }
  return { score: (100 * best.score) / marks.length, threshold: best.threshold };
}

/** Sums of the same points in another order differ by less. */
const rounding = 1e-9;
