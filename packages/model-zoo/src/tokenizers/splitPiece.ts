import { type AlignedText, sliceAligned } from './alignedText.ts';
import type { SplitBehavior } from './tokenizerJson.ts';

interface Part {
  readonly from: number;
  readonly to: number;
  readonly isMatch: boolean;
}

/** Cuts a piece where a pattern, which is global, matches: or where it does not, if `invert`. */
export function splitPiece(
  piece: AlignedText,
  pattern: RegExp,
  behavior: SplitBehavior,
  invert = false,
): readonly AlignedText[] {
  const parts = joinParts(partsOf(piece.text, pattern, invert), behavior);
  return parts
    .filter(({ from, to, isMatch }) => from < to && !(isMatch && behavior === 'Removed'))
    .map(({ from, to }) => sliceAligned(piece, from, to));
}

function partsOf(text: string, pattern: RegExp, invert: boolean): readonly Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const { index, 0: match } of text.matchAll(pattern)) {
    if (match === '') continue;
    if (index > done) parts.push({ from: done, to: index, isMatch: invert });
    done = index + match.length;
    parts.push({ from: index, to: done, isMatch: !invert });
  }
  if (done < text.length) parts.push({ from: done, to: text.length, isMatch: invert });
  return parts;
}

function joinParts(parts: readonly Part[], behavior: SplitBehavior): readonly Part[] {
  const isJoined = (before: Part, after: Part): boolean => {
    switch (behavior) {
      case 'Contiguous':
        return before.isMatch === after.isMatch;
      case 'MergedWithPrevious':
        return !before.isMatch && after.isMatch;
      case 'MergedWithNext':
        return before.isMatch && !after.isMatch;
      default:
        return false;
    }
  };
  const joined: { from: number; to: number; isMatch: boolean; last: Part }[] = [];
  for (const part of parts) {
    const before = joined.at(-1);
    if (before !== undefined && isJoined(before.last, part)) {
      before.to = part.to;
      before.last = part;
    } else joined.push({ ...part, last: part });
  }
  return joined;
}
