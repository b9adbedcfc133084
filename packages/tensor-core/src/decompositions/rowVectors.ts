import type { BidiagonalParts } from './bidiagonalSvd.ts';
import type { Deflation } from './deflate.ts';
import { secularRoots } from './secularRoots.ts';
import { turn } from './turn.ts';

interface Coupled {
  readonly diagonal: Float64Array;
  readonly row: Float64Array;
  readonly deflation: Deflation;
  /** The column of each place. */
  readonly columns: Int32Array;
  readonly hasLeft: boolean;
}

/**
 * The parts of a diagonal matrix with one full row: a row for each value, of `left` [rows, rows] and `right` [rows + 1,
 * rows + 1]. The values are the roots of a secular equation, and the vectors those of the row for which these roots are
 * exact, and so orthogonal whatever the rounding: Gu and Eisenstat 1995.
 */
export function rowVectors({
  diagonal,
  row,
  deflation,
  columns,
  hasLeft,
}: Coupled): BidiagonalParts {
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
    for (const step of backwards) {
      const [a, b] = [columns[step.from] as number, columns[step.to] as number];
      turn(toRight, a, b, step);
      if (toLeft) turn(toLeft, a, b, step);
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

function normalize(vector: Float64Array): void {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  const length = Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}
