import { joinHalves } from './joinHalves.ts';

/** The singular value decomposition of a bidiagonal matrix of one column more than rows. */
export interface BidiagonalParts {
  /** Ascending. */
  readonly values: Float64Array;
  /** [rows, rows]: a column for each value. Empty if it was not asked for. */
  readonly left: Float64Array;
  /** [rows + 1, rows + 1]: a column for each value, and last the one that the matrix sends to 0. */
  readonly right: Float64Array;
}

/**
 * By dividing: the parts above and below the row in the middle are decomposed, and that row is added to both.
 *
 * @param diagonal Element [i, i], from `start` to `end`.
 * @param beside Element [i, i + 1].
 * @param floor What is far below this counts as 0.
 */
export function bidiagonalSvd(
  diagonal: Float64Array,
  beside: Float64Array,
  { start, end, floor, hasLeft }: { start: number; end: number; floor: number; hasLeft: boolean },
): BidiagonalParts {
  if (start === end)
    return { values: new Float64Array(0), left: new Float64Array(0), right: Float64Array.of(1) };
  if (start + 1 === end) return oneRow(diagonal[start] as number, beside[start] as number);
  const middle = (start + end) >> 1;
  const options = { floor, hasLeft };
  return joinHalves(
    bidiagonalSvd(diagonal, beside, { ...options, start, end: middle }),
    [diagonal[middle] as number, beside[middle] as number],
    bidiagonalSvd(diagonal, beside, { ...options, start: middle + 1, end }),
    options,
  );
}

function oneRow(first: number, second: number): BidiagonalParts {
  const value = Math.hypot(first, second);
  const [cosine, sine] = value === 0 ? [1, 0] : [first / value, second / value];
  return {
    values: Float64Array.of(value),
    left: Float64Array.of(1),
    right: Float64Array.of(cosine, -sine, sine, cosine),
  };
}
