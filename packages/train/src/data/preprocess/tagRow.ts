import { LorikeetError } from '@lorikeet/tensor-core';
import type { TaggedSentence } from '../corpora/conll.ts';
import type { TextTokenizer } from './textTokenizer.ts';

export interface TagOptions {
  /** The tags by their numbers. */
  readonly tags: readonly string[];
  /** Tokens that the model reads, marks included. Words behind are cut off. */
  readonly maxLength: number;
  /**
   * Which pieces of a word have its tag: the first alone, the others being left out of the loss, or all, where `B-` goes on
   * as `I-`. Defaults to 'first'.
   */
  readonly pieces?: 'first' | 'all';
}

export interface TagRow {
  readonly row: {
    readonly input_ids: readonly number[];
    /** -100 where a token has no tag. */
    readonly labels: readonly number[];
  };
  /** For each word, its first token; -1 if it has none, or was cut off. */
  readonly firstTokens: readonly number[];
}

/**
 * Makes rows for `collate` of words with tags. The words are joined by spaces, and a token belongs to the word that it ends
 * in, or stands before.
 *
 * @throws LorikeetError `invalid-argument` for a tag that is not one of `tags`, for more words than tags, and for a sentence
 *   without words.
 */
export function tagRow(
  tokenizer: Pick<TextTokenizer, 'encode'>,
  { tags: known, maxLength, pieces = 'first' }: TagOptions,
): (sentence: TaggedSentence) => TagRow {
  const numbers = new Map(known.map((tag, number) => [tag, number]));
  const numberOf = (tag: string): number => {
    const number = numbers.get(tag);
    if (number !== undefined) return number;
    throw new LorikeetError('invalid-argument', 'a word has a tag that is not one of the tags', {
      expected: `one of ${known.join(', ')}`,
      received: JSON.stringify(tag),
    });
  };
  return ({ words, tags }) => {
    if (words.length === 0 || words.length !== tags.length) {
      throw new LorikeetError(
        'invalid-argument',
        'a sentence has not a tag for each of its words',
        {
          received: `${words.length} words, ${tags.length} tags`,
        },
      );
    }
    const { ids, offsets, sequences } = tokenizer.encode(words.join(' '), { maxLength });
    const wordAt = wordFinder(words);
    const firstTokens = words.map(() => -1);
    const labels = offsets.map(([start, end], token) => {
      if (sequences[token] === null) return -100;
      // A token of nothing but the space before a word is of the word.
      const inside = wordAt(end > start ? end - 1 : start);
      const word = inside === -1 ? wordAt(end) : inside;
      const tag = tags[word];
      if (tag === undefined) return -100;
      if (firstTokens[word] !== -1)
        return pieces === 'first' ? -100 : numberOf(insideTag(tag, numbers));
      firstTokens[word] = token;
      return numberOf(tag);
    });
    return { row: { input_ids: ids, labels }, firstTokens };
  };
}

/** The tags of the words, from the tag that was answered for each token; `O` for words without a token. */
export function wordTags(
  { firstTokens }: Pick<TagRow, 'firstTokens'>,
  answers: ArrayLike<number>,
  tags: readonly string[],
): string[] {
  return firstTokens.map((token) => (token === -1 ? 'O' : (tags[answers[token] ?? -1] ?? 'O')));
}

function insideTag(tag: string, known: ReadonlyMap<string, number>): string {
  const inside = `I-${tag.slice(2)}`;
  return tag.startsWith('B-') && known.has(inside) ? inside : tag;
}

/** The word at a place of the text that words make, joined by spaces; -1 between words. */
function wordFinder(words: readonly string[]): (place: number) => number {
  const owners: number[] = [];
  words.forEach((word, i) => {
    for (let place = 0; place < word.length; place++) owners.push(i);
    owners.push(-1);
  });
  return (place) => owners[place] ?? -1;
}
