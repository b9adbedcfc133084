import { LorikeetError } from '@lorikeet/tensor-core';
import type { Metric } from './metric.ts';
import type { Segment } from './segmentMetric.ts';
import { sumMetric } from './sumMetric.ts';
import { splitWords } from './whitespace.ts';

export interface SequenceError {
  /** Share of answers that are none of their references, token by token. */
  readonly sequences: number;
  /**
   * Tokens to be put in, left out or changed, to a token of the references: word error rate of words, phoneme error rate of
   * sounds. Each answer goes against the reference that it is nearest to. It may be above 1.
   */
  readonly tokens: number;
}

/** How often sequences of tokens, parted by white space, are wrong, and by how much (Levenshtein's distance). */
export const sequenceError: Metric<Segment, readonly number[], SequenceError> = sumMetric(
  ({ answer, references }) => {
    const given = splitWords(answer);
    const [nearest, ...others] = references.map((reference) => {
      const wanted = splitWords(reference);
      return { length: wanted.length, distance: editDistance(given, wanted) };
    });
    if (nearest === undefined)
      throw new LorikeetError('invalid-argument', 'a segment has no reference');
    const best = others.reduce((a, b) => (b.distance < a.distance ? b : a), nearest);
    return [1, best.distance === 0 ? 0 : 1, best.distance, best.length];
  },
  ([all = 0, wrong = 0, distance = 0, length = 0]) => ({
    sequences: wrong / all,
    tokens: length === 0 && distance === 0 ? 0 : distance / length,
  }),
);

function editDistance(given: readonly string[], wanted: readonly string[]): number {
  let row = Array.from({ length: wanted.length + 1 }, (_, j) => j);
  for (const [i, token] of given.entries()) {
    const next = [i + 1];
    for (const [j, other] of wanted.entries()) {
      const changed = (row[j] ?? 0) + (token === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
