import { LorikeetError } from '@lorikeet/tensor-core';
import { commonSubsequence } from './commonSubsequence.ts';
import type { Scores } from './labelCounts.ts';
import type { Metric } from './metric.ts';
import { countNgrams, sharedCount, totalOf } from './ngrams.ts';
import { porterStem } from './porterStem.ts';
import { summaryHits } from './rougeLsum.ts';
import type { Segment } from './segmentMetric.ts';
import { ratio, sumMetric } from './sumMetric.ts';

export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}` | 'rougeL' | 'rougeLsum';

export interface RougeOptions<Type extends RougeType> {
  /** Runs of n tokens, the longest common subsequence, or that of the sentences (lines) of a summary. */
  readonly types: readonly Type[];
  /** Compares stems (Porter's) of words of more than three letters. Defaults to false. */
  readonly stemmer?: boolean;
}

/**
 * ROUGE as the package rouge-score counts it: the mean over items of the scores against the reference that suits best
 * (by F1), from 0 to 1. Its bootstrapped intervals are left out. Lin, "ROUGE" (2004).
 */
export function rouge<Type extends RougeType = 'rouge1' | 'rouge2' | 'rougeL' | 'rougeLsum'>({
  types = ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as readonly RougeType[] as readonly Type[],
  stemmer = false,
}: Partial<RougeOptions<Type>> = {}): Metric<
  Segment,
  readonly number[],
  Readonly<Record<Type, Scores>>
> {
  return sumMetric<Segment, Readonly<Record<Type, Scores>>>(
    ({ answer, references }) => {
      if (references.length === 0)
        throw new LorikeetError('invalid-argument', 'a segment has no reference');
      const scores = types.map((type) =>
        references
          .map((reference) => scoreTexts(type, reference, answer, stemmer))
          .reduce((best, score) => (score.f1 > best.f1 ? score : best)),
      );
      return [1, ...scores.flatMap(({ precision, recall, f1 }) => [precision, recall, f1])];
    },
    ([items = 0, ...sums]) => {
      const means = types.map((type, i): [Type, Scores] => {
        const [precision = 0, recall = 0, f1 = 0] = sums
          .slice(3 * i, 3 * i + 3)
          .map((sum) => sum / items);
        return [type, { precision, recall, f1 }];
      });
      return Object.fromEntries(means) as Record<Type, Scores>;
    },
  );
}

function scoreTexts(type: RougeType, reference: string, answer: string, stemmer: boolean): Scores {
  if (type === 'rougeLsum') {
    const [wanted, given] = [reference, answer].map((text) =>
      text.split('\n').map((line) => rougeTokens(line, stemmer)),
    );
    if (wanted === undefined || given === undefined) return scoresOfHits(0, 0, 0);
    return scoresOfHits(summaryHits(wanted, given), given.flat().length, wanted.flat().length);
  }
  const [wanted, given] = [rougeTokens(reference, stemmer), rougeTokens(answer, stemmer)];
  if (type === 'rougeL') {
    return scoresOfHits(commonSubsequence(wanted, given).length, given.length, wanted.length);
  }
  const [some, others] = [given, wanted].map((tokens) =>
    countNgrams(tokens, Number(type.slice(5))),
  );
  if (some === undefined || others === undefined) return scoresOfHits(0, 0, 0);
  return scoresOfHits(sharedCount(some, others), totalOf(some), totalOf(others));
}

/** Runs of letters a to z and digits, in lower case. */
function rougeTokens(text: string, stemmer: boolean): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stemmer ? words.map((word) => (word.length > 3 ? porterStem(word) : word)) : words;
}

function scoresOfHits(hits: number, given: number, wanted: number): Scores {
  const [precision, recall] = [ratio(hits, given), ratio(hits, wanted)];
  return { precision, recall, f1: ratio(2 * precision * recall, precision + recall) };
}
