import type { TaggedSentence } from '../corpora/conll.ts';
import { type SplitOptions, type Splits, splitByGroup } from './splitByGroup.ts';

export interface RestorationOptions extends SplitOptions {
  /** Words of an item. Defaults to 40. */
  readonly words?: number;
}

const marks = [',', '.', ';', ':', '?', '!'];

/** How a word was written and the mark behind it: `O` is neither a capital nor a mark. */
export const restorationTags: readonly string[] = ['', 'Cap', 'UPPER'].flatMap((letters) =>
  ['', ...marks].map((mark) => `${letters}${mark}` || 'O'),
);

/**
 * A tagging task out of plain text: given its words without capitals and marks, tell both. The tags are true by construction:
 * `Cap` for a word that began with a capital, `UPPER` for one of several letters that were all capitals, then the first of
 * `, . ; : ? !` that stood between the word and the next. Items are runs of words that follow each other, cut by count, so
 * that their ends tell nothing.
 *
 * All items of a text (a chapter) are in one part, and an item whose words occur twice is kept once.
 */
export function restorationTask(
  texts: readonly { readonly text: string }[],
  { words: length = 40, ...options }: RestorationOptions = {},
): Splits<TaggedSentence> {
  const seen = new Set<string>();
  const items = texts.flatMap(({ text }, number) => {
    const all = taggedWords(text);
    const runs: { sentence: TaggedSentence; group: string }[] = [];
    for (let start = 0; start < all.length; start += length) {
      const run = all.slice(start, start + length);
      const words = run.map(({ word }) => word);
      const key = words.join(' ');
      if (seen.has(key)) continue;
      seen.add(key);
      runs.push({ sentence: { words, tags: run.map(({ tag }) => tag) }, group: String(number) });
    }
    return runs;
  });
  const { train, validation, test } = splitByGroup(items, ({ group }) => group, options);
  const sentences = (part: typeof items): TaggedSentence[] => part.map(({ sentence }) => sentence);
  return {
    train: sentences([...train]),
    validation: sentences([...validation]),
    test: sentences([...test]),
  };
}

function taggedWords(text: string): { readonly word: string; readonly tag: string }[] {
  const found = [...text.matchAll(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu)];
  return found.map((match, i) => {
    const [word] = match;
    const gap = text.slice(match.index + word.length, found[i + 1]?.index);
    const mark = [...gap].find((character) => marks.includes(character)) ?? '';
    return { word: word.toLowerCase(), tag: `${lettersOf(word)}${mark}` || 'O' };
  });
}

function lettersOf(word: string): string {
  const capitals = word.match(/\p{Lu}/gu)?.length ?? 0;
  if (capitals > 1 && !/\p{Ll}/u.test(word)) return 'UPPER';
  return /^\p{Lu}/u.test(word) ? 'Cap' : '';
}
