import { addProducts } from './addProducts.ts';
import type { BidiagonalParts } from './bidiagonalSvd.ts';
import { type Deflation, deflate } from './deflate.ts';
import { secularRoots } from './secularRoots.ts';

/**
 * The parts of the bidiagonal matrix with a row `[0 ... first second ... 0]` between those of `above` and `below`. Between
 * their vectors it is a diagonal matrix with one full row. Its singular values are the roots of a secular equation, and its
 * vectors those of the row for which these roots are exact, and so orthogonal whatever the rounding: Gu and Eisenstat 1995.
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
  // Place 0 is that of the row, with a vector from the two that the halves send to 0; then come those above, and those below.
  const ofAbove = first * (lastAbove[rowsAbove] as number);
  const ofBelow = second * (below.right[rowsBelow] as number);
  const length = Math.hypot(ofAbove, ofBelow);
  const [cosine, sine] = length === 0 ? [1, 0] : [ofAbove / length, ofBelow / length];
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
  // Among the columns of both halves that of the row stands between them.
  const columns = Int32Array.from(diagonal, (_, place) =>
    place === 0 ? rowsAbove : place <= rowsAbove ? place - 1 : place,
  );
  const within = vectorsWithin({ diagonal, row, deflation, columns, hasLeft });
  return {
    values: within.values.map((value) => (value < floor ? 0 : value)),
    left: hasLeft ? joinLeft(above, below, within.left) : within.left,
    right: joinRight(above, below, within.right, cosine, sine),
  };
}

interface Within {
  readonly diagonal: Float64Array;
  readonly row: Float64Array;
  readonly deflation: Deflation;
  /** The column of each place. */
  readonly columns: Int32Array;
  readonly hasLeft: boolean;
}

/** The parts of a diagonal matrix with one full row; a row for each value, of `left` [rows, rows] and `right` [rows + 1, rows + 1]. */
function vectorsWithin({ diagonal, row, deflation, columns, hasLeft }: Within): BidiagonalParts {
  const { kept, settled, turns } = deflation;
  const rows = diagonal.length;
  const poles = Float64Array.from(kept, (place) => diagonal[place] as number);
  const weights = Float64Array.from(kept, (place) => (row[place] as number) ** 2);
  const { roots, apart } = secularRoots(poles, weights);
  const exact = exactRow(poles, apart).map(
    (length, j) => length * Math.sign(row[kept[j] as number] as number),
  );
  const found = [...roots, ...settled.map((place) => diagonal[place] as number)];
  const order = Array.from(found.keys()).sort(
    (a, b) => (found[a] as number) - (found[b] as number),
  );
  const right = new Float64Array((rows + 1) ** 2);
  const left = new Float64Array(hasLeft ? rows ** 2 : 0);
  const backwards = [...turns].reverse();
  order.forEach((source, target) => {
    const toRight = right.subarray(target * (rows + 1), (target + 1) * (rows + 1));
    const toLeft = hasLeft ? left.subarray(target * rows, (target + 1) * rows) : undefined;
    const parts = apart.subarray(source * kept.length, (source + 1) * kept.length);
    if (source < kept.length) {
      for (let j = 0; j < kept.length; j++) {
        const part = (exact[j] as number) / (parts[j] as number);
        const column = columns[kept[j] as number] as number;
        toRight[column] = part;
        if (toLeft) toLeft[column] = j === 0 ? -1 : (poles[j] as number) * part;
      }
      normalize(toRight);
      if (toLeft) normalize(toLeft);
    } else {
      const column = columns[settled[source - kept.length] as number] as number;
      toRight[column] = 1;
      if (toLeft) toLeft[column] = 1;
    }
    for (const { from, to, cosine, sine } of backwards) {
      const [a, b] = [columns[from] as number, columns[to] as number];
      turn(toRight, a, b, cosine, sine);
      if (toLeft) turn(toLeft, a, b, cosine, sine);
    }
  });
  return { values: Float64Array.from(order, (source) => found[source] as number), left, right };
}

/** The row, but for its signs, for which the roots are exact: Loewner's formula. */
function exactRow(poles: Float64Array, apart: Float64Array): Float64Array {
  const count = poles.length;
  const squares = new Float64Array(count).fill(1);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const distance = apart[i * count + j] as number;
      // Each root goes with the pole that is next to it on the other side.
      const other = i < j ? i : i + 1;
      const pole = poles[j] as number;
      const between =
        other === count
          ? -1
          : (pole - (poles[other] as number)) * (pole + (poles[other] as number));
      squares[j] = (squares[j] as number) * (distance / between);
    }
  }
  return squares.map(Math.sqrt);
}

function turn(vector: Float64Array, from: number, to: number, cosine: number, sine: number): void {
  const [a, b] = [vector[from] as number, vector[to] as number];
  vector[from] = cosine * a + sine * b;
  vector[to] = cosine * b - sine * a;
}

function normalize(vector: Float64Array): void {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  const length = Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}

function joinLeft(
  above: BidiagonalParts,
  below: BidiagonalParts,
  turned: Float64Array,
): Float64Array {
  const [rowsAbove, rowsBelow] = [above.values.length, below.values.length];
  const rows = rowsAbove + 1 + rowsBelow;
  const out = new Float64Array(rows * rows);
  const of = (data: Float64Array, start: number, stride: number, count: number) => ({
    data,
    start,
    stride,
    count,
  });
  addProducts(
    of(out, 0, rows, 0),
    of(above.left, 0, rowsAbove, rowsAbove),
    of(turned, 0, rows, rows),
    rowsAbove,
  );
  for (let i = 0; i < rows; i++) out[rowsAbove * rows + i] = turned[i * rows + rowsAbove] as number;
  addProducts(
    of(out, (rowsAbove + 1) * rows, rows, 0),
    of(below.left, 0, rowsBelow, rowsBelow),
    of(turned, rowsAbove + 1, rows, rows),
    rowsBelow,
  );
  return out;
}

/** @param turned Of the two vectors that the halves send to 0 it has the turn by `cosine` and `sine` still before it. */
function joinRight(
  above: BidiagonalParts,
  below: BidiagonalParts,
  turned: Float64Array,
  cosine: number,
  sine: number,
): Float64Array {
  const [sideAbove, sideBelow] = [above.values.length + 1, below.values.length + 1];
  const side = sideAbove + sideBelow;
  turned[side * side - 1] = 1;
  for (let i = 0; i < side; i++)
    turn(turned, i * side + sideAbove - 1, (i + 1) * side - 1, cosine, -sine);
  const out = new Float64Array(side * side);
  const of = (data: Float64Array, start: number, stride: number, count: number) => ({
    data,
    start,
    stride,
    count,
  });
  addProducts(
    of(out, 0, side, 0),
    of(above.right, 0, sideAbove, sideAbove),
    of(turned, 0, side, side),
    sideAbove,
  );
  addProducts(
    of(out, sideAbove * side, side, 0),
    of(below.right, 0, sideBelow, sideBelow),
    of(turned, sideAbove, side, side),
    sideBelow,
  );
  return out;
}
