import type { AddedTokenConfig } from './tokenizerJson.ts';

/** A token that was found in a text as it is, before any cutting. */
export interface FoundToken {
  readonly added: AddedTokenConfig;
  readonly from: number;
  readonly to: number;
}

/** Finds tokens that are not cut; at each place the longest. */
export type FindTokens = (text: string) => readonly FoundToken[];

/** @param contents what to look for, each with its token. */
export function tokenFinder(contents: ReadonlyMap<string, AddedTokenConfig>): FindTokens {
  if (contents.size === 0) return () => [];
  const longestFirst = [...contents.keys()].toSorted((a, b) => b.length - a.length);
  const escaped = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const pattern = new RegExp(escaped.join('|'), 'gu');
  return (text) => {
    const found: FoundToken[] = [];
    for (const { index, 0: match } of text.matchAll(pattern)) {
      const added = contents.get(match);
      const end = index + match.length;
      if (added === undefined || (added.single_word && isInWord(text, index, end))) continue;
      const done = found.at(-1)?.to ?? 0;
      const from = added.lstrip ? Math.max(done, spaceStart(text, index)) : index;
      if (from < done) continue;
      found.push({ added, from, to: added.rstrip ? spaceEnd(text, end) : end });
    }
    return found;
  };
}

function isInWord(text: string, from: number, to: number): boolean {
  const isLetter = (around: string): boolean => /[\p{L}\p{N}_]/u.test(around);
  return isLetter(text.charAt(from - 1)) || isLetter(text.charAt(to));
}

function spaceStart(text: string, end: number): number {
  let start = end;
  while (start > 0 && /\p{White_Space}/u.test(text.charAt(start - 1))) start--;
  return start;
}

function spaceEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && /\p{White_Space}/u.test(text.charAt(end))) end++;
  return end;
}
