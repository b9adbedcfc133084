import { iterateQr } from './iterateQr.ts';
import { joinHalves } from './joinHalves.ts';
import { negligible } from './scaleToOne.ts';

/** The singular value decomposition of a bidiagonal matrix of one column more than rows. */
export interface BidiagonalParts {
  /** Ascending. */
  readonly values: Float64Array;
  /** [rows, rows]: a column for each value. Empty if it was not asked for. */
  readonly left: Float64Array;
  /** [rows + 1, rows + 1]: a column for each value, and last the one that the matrix sends to 0. */
  readonly right: Float64Array;
}

/** What QR iteration is faster for than dividing. */
const smallSide = 24;

/**
 * By dividing: the parts above and below the row in the middle are decomposed, and that row is added to both: Gu and
 * Eisenstat, "A divide-and-conquer algorithm for the bidiagonal SVD", 1995. A last column of zeros stays apart in `right`.
 *
 * @param diagonal Element [i, i]. The largest number should be near 1.
 * @param beside Element [i, i + 1].
 */
export function bidiagonalSvd(
  diagonal: Float64Array,
  beside: Float64Array,
  { hasLeft }: { hasLeft: boolean },
): BidiagonalParts {
  const rows = diagonal.length;
  if (rows === 0)
    return { values: new Float64Array(0), left: new Float64Array(0), right: Float64Array.of(1) };
  const options = { floor: negligible, hasLeft };
  const found = rows <= smallSide ? iterateQr(diagonal, beside, options) : undefined;
  if (found) return found;
  const middle = rows >> 1;
  const half = (start: number, end: number): BidiagonalParts =>
    bidiagonalSvd(diagonal.subarray(start, end), beside.subarray(start, end), { hasLeft });
  return joinHalves(
    half(0, middle),
    [diagonal[middle] as number, beside[middle] as number],
    half(middle + 1, rows),
    options,
  );
}
