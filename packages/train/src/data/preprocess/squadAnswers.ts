import type { SquadExample } from '../corpora/squadExamples.ts';
import type { SquadFeature } from './squadFeatures.ts';

export interface AnswerOptions {
  /** How many first and last tokens are tried, and answers kept. Defaults to 20. */
  readonly best?: number;
  /** Tokens of an answer at most. Defaults to 30. */
  readonly maxAnswerLength?: number;
  /**
   * For SQuAD 2.0: the answer is empty where no answer scores better than the best one by more than this. Without it, there is
   * always an answer.
   */
  readonly nullThreshold?: number;
}

/** A window with the scores of its tokens; those behind its own, of padding, are not read. */
export interface ScoredFeature {
  readonly feature: Pick<SquadFeature, 'id' | 'places' | 'noAnswer'>;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
}

export interface Candidate {
  readonly text: string;
  /** The sum of the scores of its first and last token. */
  readonly score: number;
  /** Among the candidates. */
  readonly probability: number;
  /** In the context, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

export interface SquadAnswer {
  readonly id: string;
  readonly answer: string;
  /** How much better no answer scores than the best one: `noAnswerProbability` of the metric `squad2`. */
  readonly noAnswerProbability: number;
  /** The best first; one with the empty text stands for no answer, where that is allowed. */
  readonly candidates: readonly Candidate[];
}

/**
 * The answer to a question, from the scores of all windows of its context.
 * As in Hugging Face's `postprocess_qa_predictions`.
 */
export function squadAnswer(
  { id, context }: Pick<SquadExample, 'id' | 'context'>,
  windows: readonly ScoredFeature[],
  { best = 20, maxAnswerLength = 30, nullThreshold }: AnswerOptions = {},
): SquadAnswer {
  const spans = windows.flatMap((window) => spansOf(window, best, maxAnswerLength));
  const none = Math.min(
    ...windows.map(
      ({ feature, starts, ends }) => at(starts, feature.noAnswer) + at(ends, feature.noAnswer),
    ),
  );
  const nothing: Span = { start: 0, end: 0, score: none };
  const ranked = [...spans].sort((a, b) => b.score - a.score).slice(0, best);
  const allowed = nullThreshold === undefined ? ranked : insert(ranked, nothing);
  const candidates = withProbabilities(allowed, context);
  const [first] = ranked;
  const noAnswerProbability = first === undefined ? Number.MAX_VALUE : none - first.score;
  const isEmpty =
    first === undefined || (nullThreshold !== undefined && noAnswerProbability > nullThreshold);
  return {
    id,
    answer: isEmpty ? '' : context.slice(first.start, first.end),
    noAnswerProbability,
    candidates,
  };
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

function spansOf({ feature, starts, ends }: ScoredFeature, best: number, longest: number): Span[] {
  const { places } = feature;
  const lasts = bestTokens(ends, places.length, best);
  return bestTokens(starts, places.length, best).flatMap((first) =>
    lasts.flatMap((last) => {
      const [from, to] = [places[first] ?? null, places[last] ?? null];
      if (from === null || to === null || last < first || last - first + 1 > longest) return [];
      return [{ start: from[0], end: to[1], score: at(starts, first) + at(ends, last) }];
    }),
  );
}

function bestTokens(scores: ArrayLike<number>, count: number, best: number): number[] {
  return Array.from({ length: count }, (_, token) => token)
    .sort((a, b) => at(scores, b) - at(scores, a) || a - b)
    .slice(0, best);
}

function at(scores: ArrayLike<number>, token: number): number {
  return scores[token] ?? Number.NEGATIVE_INFINITY;
}

function insert(ranked: readonly Span[], span: Span): Span[] {
  return [...ranked, span].sort((a, b) => b.score - a.score);
}

function withProbabilities(spans: readonly Span[], context: string): Candidate[] {
  const most = Math.max(...spans.map(({ score }) => score));
  const weights = spans.map(({ score }) => Math.exp(score - most));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return spans.map(({ start, end, score }, i) => ({
    text: context.slice(start, end),
    score,
    probability: (weights[i] ?? 0) / whole,
    start,
    end,
  }));
}
