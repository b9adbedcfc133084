import { LorikeetError } from '@lorikeet/tensor-core';
import picomatch from 'picomatch';
import { nearestOf } from './nearest.ts';
import { choicesOf } from './selectorChoices.ts';

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

/**
 * Those of `candidates` that fit. Each thing that the selector lists must fit some: `{query,vlaue}` is an error as `vlaue` is.
 *
 * @throws LorikeetError `no-match` with the nearest candidates for what fits none.
 */
export function selectPaths(selector: string, candidates: readonly string[]): string[] {
  const found = candidates.filter(matcher(selector));
  const [unknown] = choicesOf(spellOutRanges(selector)).filter(
    (choice) => !candidates.some(matcher(choice.selector)),
  );
  if (found.length > 0 && unknown === undefined) return found;
  const missing = found.length === 0 ? undefined : unknown;
  const literal = (missing?.selector ?? selector).replaceAll(/\*\*\.?|[{}*]/g, '');
  const what = missing === undefined ? '' : `'${missing.choice}' in `;
  throw new LorikeetError('no-match', `${what}the selector '${selector}' matches nothing`, {
    expected: 'at least one path of the tree',
    received: `none of ${candidates.length} paths`,
    hint: nearestOf(literal, candidates),
  });
}
