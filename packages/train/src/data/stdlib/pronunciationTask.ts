import { porterStem } from '../../metrics/porterStem.ts';
import type { TextPair } from '../corpora/translation.ts';
import { placeOf } from '../uniform.ts';
import { type SplitOptions, type Splits, splitByGroup } from './splitByGroup.ts';

export interface PronunciationOptions extends SplitOptions {
  /** So many words, taken evenly by the seed. Defaults to all. */
  readonly count?: number;
  /** Letters of a word at most. Defaults to 20. */
  readonly longest?: number;
  /** Whether vowels tell their stress: `AE1` or `AE`. Defaults to false. */
  readonly stress?: boolean;
}

export interface Pronunciation extends TextPair {
  readonly word: string;
  /** Its letters, parted by spaces: `c a t`. */
  readonly source: string;
  /** The sounds of its first pronunciation, parted by spaces: `K AE T`. */
  readonly target: string;
  /** All of its pronunciations: any is right. */
  readonly targets: readonly string[];
}

/**
 * Spelling to sound: words of letters a to z of CMUdict, whose key of a second pronunciation is `WORD(1)`.
 *
 * Forms of a word (those with the same stem, by Porter's algorithm) are in one part, so that none is tested on `parrots` that
 * was trained on `parrot`. A word occurs once.
 */
export function pronunciationTask(
  dictionary: Readonly<Record<string, string>>,
  { count, longest = 20, stress = false, ...options }: PronunciationOptions = {},
): Splits<Pronunciation> {
  const sounds = new Map<string, string[]>();
  for (const [key, value] of Object.entries(dictionary)) {
    const [, word] = /^([A-Z]+)(?:\(\d+\))?$/.exec(key) ?? [];
    if (word === undefined || word.length > longest) continue;
    const target = stress ? value : value.replaceAll(/\d/g, '');
    const known = sounds.get(word.toLowerCase()) ?? [];
    if (!known.includes(target)) sounds.set(word.toLowerCase(), [...known, target]);
  }
  const items = [...sounds].map(([word, targets]): Pronunciation => {
    return { word, source: [...word].join(' '), target: targets[0] ?? '', targets };
  });
  const { seed = 0 } = options;
  const chosen =
    count === undefined
      ? items
      : items
          .map((item) => ({ item, place: placeOf(`${item.word} chosen`, seed) }))
          .sort((a, b) => a.place - b.place)
          .slice(0, count)
          .map(({ item }) => item);
  return splitByGroup(chosen, ({ word }) => porterStem(word), options);
}
