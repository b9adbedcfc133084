import type { Metric } from './metric.ts';
import { countNgrams, sharedCount, totalOf } from './ngrams.ts';
import { type Segment, type SegmentState, segmentMetric } from './segmentMetric.ts';
import { splitWords } from './whitespace.ts';

export interface ChrfOptions {
  /** Longest runs of characters. Defaults to 6. */
  readonly charOrder?: number;
  /** Longest runs of words; 2 makes it chrF++. Defaults to 0. */
  readonly wordOrder?: number;
  /** How many times recall counts as much as precision. Defaults to 2. */
  readonly beta?: number;
  /** Defaults to false. */
  readonly lowercase?: boolean;
  /** Whether white space counts among the characters. Defaults to false. */
  readonly whitespace?: boolean;
  /** Takes the mean of the orders' F-scores, as chrF++.py, Moses and NLTK do. Defaults to false. */
  readonly epsSmoothing?: boolean;
}

export interface Chrf {
  /** In percent. */
  readonly score: number;
  readonly signature: string;
}

type Grams = readonly ReadonlyMap<string, number>[];
const epsilon = 1e-16;

/**
 * chrF of a corpus, as sacreBLEU counts it: F-score of runs of characters, and of words with `wordOrder`.
 * Popović, "chrF" (WMT 2015) and "chrF++" (WMT 2017).
 */
export function chrf(options: ChrfOptions = {}): Metric<Segment, SegmentState, Chrf> {
  const { charOrder = 6, wordOrder = 0, lowercase = false, whitespace = false } = options;
  const { beta = 2, epsSmoothing = false } = options;
  const settings = `case:${lowercase ? 'lc' : 'mixed'}|eff:${epsSmoothing ? 'no' : 'yes'}|nc:${charOrder}|nw:${wordOrder}|space:${whitespace ? 'yes' : 'no'}`;
  const gramsOf = (text: string): Grams => {
    const cased = lowercase ? text.toLowerCase() : text;
    const characters = [...(whitespace ? cased : splitWords(cased).join(''))];
    const words = splitWords(cased).flatMap(partPunctuation);
    return [
      ...Array.from({ length: charOrder }, (_, i) => countNgrams(characters, i + 1, '')),
      ...Array.from({ length: wordOrder }, (_, i) => countNgrams(words, i + 1)),
    ];
  };
  const scoreOf = (numbers: readonly number[]): number =>
    100 * (epsSmoothing ? meanOfScores(numbers, beta) : scoreOfMeans(numbers, beta));

  return segmentMetric(
    ({ answer, references }) => {
      const given = gramsOf(answer);
      const [first = [], ...others] = references.map((text) => matchNumbers(given, gramsOf(text)));
      return others.reduce(
        (best, numbers) => (scoreOf(numbers) > scoreOf(best) ? numbers : best),
        first,
      );
    },
    (sums, signature) => ({ score: scoreOf(sums), signature: signature(settings) }),
  );
}

/** By order: runs of the answer, runs of the reference, matches. */
function matchNumbers(answer: Grams, reference: Grams): number[] {
  return answer.flatMap((given, i) => {
    const wanted = reference[i] ?? new Map();
    return [wanted.size === 0 ? 0 : totalOf(given), totalOf(wanted), sharedCount(given, wanted)];
  });
}

/** Punctuation at the end of a word, else at its beginning, as a word of its own. */
function partPunctuation(word: string): string[] {
  const characters = [...word];
  if (characters.length === 1) return [word];
  const isPunctuation = (character: string | undefined): boolean =>
    /^[!-/:-@[-`{-~]$/.test(character ?? '');
  if (isPunctuation(characters.at(-1))) return [word.slice(0, -1), word.slice(-1)];
  if (isPunctuation(characters[0])) return [word.slice(0, 1), word.slice(1)];
  return [word];
}

function* ordersOf(numbers: readonly number[]): Generator<[number, number, number]> {
  for (let i = 0; i < numbers.length; i += 3) {
    const [given = 0, wanted = 0, matches = 0] = numbers.slice(i, i + 3);
    yield [given, wanted, matches];
  }
}

function fBeta(precision: number, recall: number, beta: number): number {
  const whole = beta * beta * precision + recall;
  return whole > 0 ? ((1 + beta * beta) * precision * recall) / whole : 0;
}

/** The F-score of mean precision and recall, over the orders that both texts are long enough for. */
function scoreOfMeans(numbers: readonly number[], beta: number): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (const [given, wanted, matches] of ordersOf(numbers)) {
    if (given === 0 || wanted === 0) continue;
    precision += matches / given;
    recall += matches / wanted;
    orders += 1;
  }
  return orders === 0 ? 0 : fBeta(precision / orders, recall / orders, beta);
}

function meanOfScores(numbers: readonly number[], beta: number): number {
  let sum = 0;
  for (const [given, wanted, matches] of ordersOf(numbers)) {
    const precision = given > 0 ? matches / given : epsilon;
    const recall = wanted > 0 ? matches / wanted : epsilon;
    sum += fBeta(precision, recall, beta) || epsilon;
  }
  return sum / (numbers.length / 3);
}
