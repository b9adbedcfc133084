import { LorikeetError } from '@lorikeet/tensor-core';
import { alignedSource } from './alignedText.ts';
import { byteLetters } from './byteLetters.ts';
import { type CountedWord, mergePairs } from './mergePairs.ts';
import { type NewTokenizer, type NewTokenizerOptions, newTokenizer } from './newTokenizer.ts';
import { normalizerOf } from './normalize.ts';
import { preTokenizerOf } from './preTokenize.ts';
import { Tokenizer } from './tokenizer.ts';

export interface TrainTokenizerOptions extends NewTokenizerOptions {
  /** Tokens at most, special ones included. */
  readonly vocabSize: number;
  /** How often two tokens stand beside each other at least to become one. Defaults to 0, as in tokenizers. */
  readonly minFrequency?: number;
}

/**
 * A new tokenizer for texts, counted as the tokenizers package counts: the most frequent pair of tokens becomes one, of equals
 * that of the smaller numbers. The same texts give the same tokenizer.
 *
 * What is left to chance there for `wordpiece` is settled here: letters within words are numbered in the order of their code
 * points.
 *
 * @param texts one after another; no pair reaches from one into the next.
 * @throws LorikeetError `invalid-argument` for a vocabulary too small for the special tokens and the letters of `byte-level-bpe`.
 * @example
 * const tokenizer = trainTokenizer(['low lower lowest'], { kind: 'byte-level-bpe', vocabSize: 300 });
 * @see Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
 */
export function trainTokenizer(texts: Iterable<string>, options: TrainTokenizerOptions): Tokenizer {
  const { vocabSize, minFrequency = 0 } = options;
  const design = newTokenizer(options);
  const counts = countWords(texts, design);
  const tokens = [...design.specialTokens];
  const prefix = design.prefix;
  const add = (list: Iterable<string>): void => {
    const known = new Set(tokens);
    for (const token of list) if (!known.has(token)) tokens.push(token);
  };
  const words = [...counts].map(([word, count]) => ({ letters: [...word], count }));
  const isBytes = options.kind === 'byte-level-bpe';
  add(sorted(isBytes ? byteLetters : words.flatMap(({ letters }) => letters)));
  if (prefix !== '')
    add(sorted(words.flatMap(({ letters }) => letters.slice(1))).map((letter) => prefix + letter));
  if (!Number.isInteger(vocabSize) || (isBytes && tokens.length > vocabSize)) {
    throw new LorikeetError('invalid-argument', 'the vocabulary is too small', {
      path: 'vocabSize',
      expected: `a whole number, at least ${tokens.length}`,
      received: String(vocabSize),
    });
  }
  const numbers = new Map(tokens.map((token, id) => [token, id]));
  const cut: readonly CountedWord[] = words.map(({ letters, count }) => ({
    tokens: letters.map((letter, i) => numbers.get(i === 0 ? letter : prefix + letter) ?? 0),
    count,
  }));
  const merges = mergePairs(cut, { tokens, vocabSize, minFrequency, prefix });
  return new Tokenizer(design.json(tokens, merges), design.config);
}

function sorted(letters: readonly string[]): readonly string[] {
  return [...new Set(letters)].toSorted(
    (a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0),
  );
}

/** Words and how often they are there, in the order in which they come. */
function countWords(texts: Iterable<string>, design: NewTokenizer): ReadonlyMap<string, number> {
  const normalize = normalizerOf(design.normalizer);
  const preTokenize = preTokenizerOf(design.preTokenizer);
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const { text: word } of preTokenize(normalize(alignedSource(text))))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
