import { PairHeap } from './pairHeap.ts';

/** A word of the text, in tokens, and how often it is there. */
export interface CountedWord {
  tokens: number[];
  readonly count: number;
}

export interface MergeOptions {
  /** All tokens so far, in the order of their numbers. New ones are put at its end. */
  readonly tokens: string[];
  readonly vocabSize: number;
  readonly minFrequency: number;
  /** What tokens within a word begin with; a merged token has it of its first part alone. */
  readonly prefix: string;
}

/** Numbers of tokens stay below this, so that two are one number without loss. */
const side = 2 ** 24;

/**
 * Makes the most frequent pair of tokens one token, again and again, until the vocabulary is large enough.
 *
 * Each merge touches only the words that have the pair, and the counts of the pairs beside it; a heap holds the pairs, with
 * counts that are put right when they come first. The words are changed in place.
 *
 * @returns the merges in their order.
 * @see Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
 */
export function mergePairs(
  words: readonly CountedWord[],
  { tokens, vocabSize, minFrequency, prefix }: MergeOptions,
): readonly (readonly [first: string, second: string])[] {
  const numbers = new Map(tokens.map((token, id) => [token, id]));
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const count = (pair: number, change: number, place: number): void => {
    const word = words[place];
    counts.set(pair, (counts.get(pair) ?? 0) + change * (word?.count ?? 0));
    if (change < 0) return;
    const known = places.get(pair);
    if (known === undefined) places.set(pair, new Set([place]));
    else known.add(place);
  };
  for (const [place, word] of words.entries())
    for (let i = 1; i < word.tokens.length; i++)
      count(pairOf(word.tokens[i - 1] ?? 0, word.tokens[i] ?? 0), 1, place);

  const heap = new PairHeap();
  const queue = (): void => {
    for (const [pair, found] of places) {
      const frequency = counts.get(pair) ?? 0;
      if (frequency > 0) heap.push({ pair, count: frequency, places: found });
    }
    places.clear();
  };
  queue();

  // A token can come about in two ways, and its pairs then more than once: the last place of a merge counts.
  const merges = new Map<number, readonly [string, string]>();
  while (tokens.length < vocabSize) {
    const top = heap.pop();
    if (top === undefined) break;
    const frequency = counts.get(top.pair) ?? 0;
    if (frequency !== top.count) {
      heap.push({ ...top, count: frequency });
      continue;
    }
    if (frequency < 1 || frequency < minFrequency) break;
    const [a, b] = [Math.floor(top.pair / side), top.pair % side];
    const [first, second] = [tokens[a] ?? '', tokens[b] ?? ''];
    const token = first + (second.startsWith(prefix) ? second.slice(prefix.length) : second);
    const id = numbers.get(token) ?? tokens.push(token) - 1;
    numbers.set(token, id);
    merges.delete(top.pair);
    merges.set(top.pair, [first, second]);
    for (const place of top.places) {
      const word = words[place];
      if (word !== undefined)
        word.tokens = merged(word.tokens, [a, b, id], (pair, change) => count(pair, change, place));
    }
    queue();
  }
  return [...merges.values()];
}

function pairOf(first: number, second: number): number {
  return first * side + second;
}

/** The tokens with each pair `a`, `b` made one, from left to right, and told which pairs came and went beside it. */
function merged(
  tokens: readonly number[],
  [a, b, id]: readonly [a: number, b: number, id: number],
  change: (pair: number, by: 1 | -1) => void,
): number[] {
  const result: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const [token = 0, next, after] = [tokens[i], tokens[i + 1], tokens[i + 2]];
    if (token !== a || next !== b) {
      result.push(token);
      continue;
    }
    const before = result.at(-1);
    if (before !== undefined) {
      change(pairOf(before, a), -1);
      change(pairOf(before, id), 1);
    }
    if (after !== undefined) {
      change(pairOf(b, after), -1);
      change(pairOf(id, after), 1);
    }
    result.push(id);
    i++;
  }
  return result;
}
