import { type BleuTokenizer, bleuTokens } from './bleuTokens.ts';
import { type Metric, measure } from './metric.ts';
import { countNgrams, sharedCount } from './ngrams.ts';
import { type Segment, type SegmentState, segmentMetric } from './segmentMetric.ts';
import { trimEnd } from './whitespace.ts';

export interface BleuOptions {
  /** Defaults to '13a'. */
  readonly tokenizer?: BleuTokenizer;
  /** Defaults to false. */
  readonly lowercase?: boolean;
  /**
   * What becomes of n-grams without a match. 'exp': 1/2, 1/4, ... of a match (NIST); 'floor': `smoothValue` matches;
   * 'add-k': `smoothValue` more matches and n-grams from n = 2 on; 'none': the score is 0. Defaults to 'exp'.
   */
  readonly smooth?: 'exp' | 'floor' | 'add-k' | 'none';
  /** Defaults to 0.1 for 'floor', 1 for 'add-k'. */
  readonly smoothValue?: number;
  /** Leaves out the orders that a text is too short for. Meant for single sentences. Defaults to false. */
  readonly effectiveOrder?: boolean;
  /** Longest n-grams. Defaults to 4. */
  readonly order?: number;
}

export interface Bleu {
  /** In percent. */
  readonly score: number;
  /** By order, in percent, smoothed. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  /** Tokens of the answers, and of the references that are nearest in length. */
  readonly answerLength: number;
  readonly referenceLength: number;
  /** How it was counted, in sacreBLEU's form. */
  readonly signature: string;
}

/**
 * BLEU of a corpus, as sacreBLEU counts it. Papineni et al., "BLEU" (ACL 2002); Post, "A call for clarity in
 * reporting BLEU scores" (WMT 2018).
 */
export function bleu(options: BleuOptions = {}): Metric<Segment, SegmentState, Bleu> {
  const { tokenizer = '13a', lowercase = false, smooth = 'exp', order = 4 } = options;
  const { smoothValue = smooth === 'floor' ? 0.1 : 1, effectiveOrder = false } = options;
  const named =
    smooth === 'floor' || smooth === 'add-k' ? `${smooth}[${smoothValue.toFixed(2)}]` : smooth;
  const settings = `case:${lowercase ? 'lc' : 'mixed'}|eff:${effectiveOrder ? 'yes' : 'no'}|tok:${tokenizer}|smooth:${named}`;
  const tokensOf = (text: string): string[] =>
    bleuTokens[tokenizer](trimEnd(lowercase ? text.toLowerCase() : text));

  return segmentMetric(
    ({ answer, references }) => matchNumbers(tokensOf(answer), references.map(tokensOf), order),
    (sums, signature) => {
      const [answerLength = 0, referenceLength = 0, ...counts] = sums;
      const brevityPenalty =
        answerLength >= referenceLength
          ? 1
          : answerLength > 0
            ? Math.exp(1 - referenceLength / answerLength)
            : 0;
      const { precisions, used } = smoothedPrecisions(counts.slice(0, order), counts.slice(order), {
        smooth,
        smoothValue,
        effectiveOrder,
      });
      const logs = precisions.slice(0, used).reduce((sum, p) => sum + Math.log(p), 0);
      return {
        score: brevityPenalty * Math.exp(logs / used),
        precisions,
        brevityPenalty,
        answerLength,
        referenceLength,
        signature: signature(settings),
      };
    },
  );
}

/** BLEU of one sentence, as `sacrebleu.sentence_bleu`: with `effectiveOrder`, unless it is given. */
export function sentenceBleu(
  answer: string,
  references: readonly string[],
  options: BleuOptions = {},
): Bleu {
  return measure(bleu({ effectiveOrder: true, ...options }), [{ answer, references }]);
}

/** Lengths, then by order the matches, then by order the n-grams of the answer. */
function matchNumbers(
  answer: readonly string[],
  references: readonly (readonly string[])[],
  order: number,
): number[] {
  const lengths = references.map((tokens) => tokens.length);
  const nearest = lengths.reduce((best, length) => {
    const [distance, least] = [Math.abs(length - answer.length), Math.abs(best - answer.length)];
    return distance < least || (distance === least && length < best) ? length : best;
  });
  const orders = Array.from({ length: order }, (_, i) => i + 1);
  const matches = orders.map((n) => {
    const most = new Map<string, number>();
    for (const reference of references) {
      for (const [ngram, count] of countNgrams(reference, n))
        most.set(ngram, Math.max(count, most.get(ngram) ?? 0));
    }
    return sharedCount(countNgrams(answer, n), most);
  });
  const totals = orders.map((n) => Math.max(0, answer.length - n + 1));
  return [answer.length, nearest, ...matches, ...totals];
}

/** In percent, and how many orders count. */
function smoothedPrecisions(
  matches: readonly number[],
  totals: readonly number[],
  {
    smooth,
    smoothValue,
    effectiveOrder,
  }: Required<Pick<BleuOptions, 'smooth' | 'smoothValue' | 'effectiveOrder'>>,
): { precisions: number[]; used: number } {
  const precisions = matches.map(() => 0);
  if (matches.every((count) => count === 0)) return { precisions, used: precisions.length };
  let used = precisions.length;
  let halved = 1;
  for (const [i, count] of matches.entries()) {
    const added = smooth === 'add-k' && i > 0 ? smoothValue : 0;
    const [match, total] = [count + added, (totals[i] ?? 0) + added];
    if (total === 0) break;
    if (effectiveOrder) used = i + 1;
    if (match > 0) precisions[i] = (100 * match) / total;
    else if (smooth === 'exp') {
      halved *= 2;
      precisions[i] = 100 / (halved * total);
    } else if (smooth === 'floor') precisions[i] = (100 * smoothValue) / total;
  }
  return { precisions, used };
}
