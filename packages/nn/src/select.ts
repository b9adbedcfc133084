import { LorikeetError } from '@lorikeet/tensor-core';
import picomatch from 'picomatch';
import { nearestOf } from './nearest.ts';

/**
 * Whether a path fits a selector: a glob over field names with dots between them. `*` is one name, `**` any
 * number of them, `{a,b}` a choice, `{0..3}` a range with both ends, `?` a character: `**.{query,value}`,
 * `encoder.layer.{0..5}.output.dense`.
 */
export function matcher(selector: string): (path: string) => boolean {
  if (selector === '')
    throw new LorikeetError('invalid-argument', 'a selector is empty', {
      hint: "'**' selects everything",
    });
  const isMatch = picomatch(spellOutRanges(selector).replaceAll('.', '/'), {
    dot: true,
    nonegate: true,
    noextglob: true,
  });
  return (path) => isMatch(path.replaceAll('.', '/'));
}

/** `{0..2}` as `{0,1,2}`: its dots are none between names, and picomatch knows ranges of single digits only. */
function spellOutRanges(selector: string): string {
  return selector.replaceAll(/\{(\d+)\.\.(\d+)\}/g, (_, from: string, to: string) => {
    const [low, high] = [Number(from), Number(to)].toSorted((a, b) => a - b) as [number, number];
    return low === high ? `${low}` : `{${numbersBetween(low, high).join(',')}}`;
  });
}

function numbersBetween(low: number, high: number): number[] {
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** Those of `candidates` that fit. Throws `no-match` with the nearest ones if there is none. */
export function selectPaths(selector: string, candidates: readonly string[]): string[] {
  const found = candidates.filter(matcher(selector));
  if (found.length > 0) return found;
  const literal = selector.replaceAll(/\*\*\.?|[{}*]/g, '');
  throw new LorikeetError('no-match', `the selector '${selector}' matches nothing`, {
    expected: 'at least one path of the tree',
    received: `none of ${candidates.length} paths`,
    hint: nearestOf(literal, candidates),
  });
}
