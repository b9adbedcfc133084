import { addProducts } from './addProducts.ts';
import type { BidiagonalParts } from './bidiagonalSvd.ts';
import { deflate } from './deflate.ts';
import { rowsOf } from './rowsOf.ts';
import { rowVectors } from './rowVectors.ts';
import { turn } from './turn.ts';

/**
 * The parts of the bidiagonal matrix with a row `[0 ... first second ... 0]` between those of `above` and `below`. Between
 * their vectors it is a diagonal matrix with one full row, whose own parts are then multiplied with theirs: Gu and
 * Eisenstat 1995.
 */
export function joinHalves(
  above: BidiagonalParts,
  [first, second]: readonly [number, number],
  below: BidiagonalParts,
  { floor, hasLeft }: { floor: number; hasLeft: boolean },
): BidiagonalParts {
  const [rowsAbove, rowsBelow] = [above.values.length, below.values.length];
  const rows = rowsAbove + 1 + rowsBelow;
  const lastAbove = above.right.subarray(rowsAbove * (rowsAbove + 1));
  // Place 0 is the row's, with a vector from the two that the halves send to 0. Then come those above, and those below.
  const ofAbove = first * (lastAbove[rowsAbove] as number);
  const ofBelow = second * (below.right[rowsBelow] as number);
  const length = Math.hypot(ofAbove, ofBelow);
  const row = new Float64Array(rows);
  row[0] = length;
  for (let i = 0; i < rowsAbove; i++) row[1 + i] = first * (lastAbove[i] as number);
  for (let i = 0; i < rowsBelow; i++) row[1 + rowsAbove + i] = second * (below.right[i] as number);
  const diagonal = new Float64Array(rows);
  diagonal.set(above.values, 1);
  diagonal.set(below.values, 1 + rowsAbove);
  const scale = diagonal.reduce(
    (most, value) => Math.max(most, value),
    Math.max(Math.abs(first), Math.abs(second), floor),
  );
  const deflation = deflate(diagonal, row, 4 * Number.EPSILON * scale);
  // Among the columns of both halves the row's stands between them.
  const columns = Int32Array.from(diagonal, (_, place) =>
    place === 0 ? rowsAbove : place <= rowsAbove ? place - 1 : place,
  );
  const { values, left, right } = rowVectors({ diagonal, row, deflation, columns, hasLeft });
  // The two vectors that the halves send to 0 are turned into the row's and one that is sent to 0 again.
  right[(rows + 1) ** 2 - 1] = 1;
  const back =
    length === 0 ? { cosine: 1, sine: 0 } : { cosine: ofAbove / length, sine: -ofBelow / length };
  for (let i = 0; i <= rows; i++)
    turn(right, i * (rows + 1) + rowsAbove, (i + 1) * (rows + 1) - 1, back);
  const joinedLeft = hasLeft ? multiplyHalves(above.left, below.left, left, rows) : left;
  // The row's own place is no part of either half.
  if (hasLeft)
    for (let i = 0; i < rows; i++)
      joinedLeft[rowsAbove * rows + i] = left[i * rows + rowsAbove] as number;
  return {
    values: values.map((value) => (value < floor ? 0 : value)),
    left: joinedLeft,
    right: multiplyHalves(above.right, below.right, right, rows + 1),
  };
}

/** Products [coordinate, row of `turned`] of both halves [side of the half, its vectors] with its first and its last columns. */
function multiplyHalves(
  above: Float64Array,
  below: Float64Array,
  turned: Float64Array,
  side: number,
): Float64Array {
  const out = rowsOf(new Float64Array(side * side), side);
  const all = rowsOf(turned, side);
  const [sideAbove, sideBelow] = [Math.sqrt(above.length), Math.sqrt(below.length)];
  const start = side - sideBelow;
  addProducts(out, rowsOf(above, sideAbove), all, sideAbove);
  addProducts(
    { ...out, start: start * side },
    rowsOf(below, sideBelow),
    { ...all, start },
    sideBelow,
  );
  return out.data;
}
