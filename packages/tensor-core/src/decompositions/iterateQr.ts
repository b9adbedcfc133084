import type { BidiagonalParts } from './bidiagonalSvd.ts';

interface Bidiagonal {
  readonly diagonal: Float64Array;
  readonly beside: Float64Array;
  /** What the reflections of rows and columns make of the identity: [rows, rows], empty if it was not asked for, and [rows + 1, rows + 1]. */
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/**
 * The parts of a small bidiagonal matrix of one column more than rows, by QR iteration with implicit shifts: Golub and
 * Reinsch, "Singular value decomposition and least squares solutions", 1970. `undefined` if it takes too long.
 *
 * @param diagonal Element [i, i].
 * @param beside Element [i, i + 1].
 * @param floor What is far below this counts as 0.
 */
export function iterateQr(
  diagonal: Float64Array,
  beside: Float64Array,
  { floor, hasLeft }: { floor: number; hasLeft: boolean },
): BidiagonalParts | undefined {
  const rows = diagonal.length;
  const matrix = {
    diagonal: diagonal.slice(),
    beside: beside.slice(),
    left: identity(hasLeft ? rows : 0),
    right: identity(rows + 1),
  };
  let scale = floor;
  for (let i = 0; i < rows; i++)
    scale = Math.max(scale, Math.abs(diagonal[i] as number), Math.abs(beside[i] as number));
  const tolerance = Number.EPSILON * scale;
  emptyLastColumn(matrix);
  let end = rows - 1;
  for (let sweeps = 0; end > 0; sweeps++) {
    if (sweeps > 30 * rows) return undefined;
    while (end > 0 && Math.abs(matrix.beside[end - 1] as number) <= tolerance) end--;
    let start = end;
    while (start > 0 && Math.abs(matrix.beside[start - 1] as number) > tolerance) start--;
    if (start < end) sweep(matrix, start, end, tolerance);
  }
  return sorted(matrix);
}

/** By turns of each column with the last one, from the last row up. */
function emptyLastColumn({ diagonal, beside, right }: Bidiagonal): void {
  const rows = diagonal.length;
  let last = beside[rows - 1] as number;
  for (let i = rows - 1; i >= 0 && last !== 0; i--) {
    const { cosine, sine, length } = turnTo(diagonal[i] as number, last);
    diagonal[i] = length;
    turnRows(right, rows + 1, i, rows, cosine, sine);
    if (i === 0) break;
    last = -sine * (beside[i - 1] as number);
    beside[i - 1] = cosine * (beside[i - 1] as number);
  }
  beside[rows - 1] = 0;
}

/** One step of QR on `B^T B` from row `start` to row `end`, on B alone. */
function sweep(
  { diagonal, beside, left, right }: Bidiagonal,
  start: number,
  end: number,
  tolerance: number,
): void {
  const rows = diagonal.length;
  const shift = shiftOf(diagonal, beside, start, end, tolerance);
  const first = diagonal[start] as number;
  let [over, out] = [shift === 0 ? first : first - shift / first, beside[start] as number];
  for (let i = start; i < end; i++) {
    const columns = turnTo(over, out);
    if (i > start) beside[i - 1] = columns.length;
    const [a, b, c] = [diagonal[i] as number, beside[i] as number, diagonal[i + 1] as number];
    over = columns.cosine * a + columns.sine * b;
    const above = columns.cosine * b - columns.sine * a;
    turnRows(right, rows + 1, i, i + 1, columns.cosine, columns.sine);
    const lines = turnTo(over, columns.sine * c);
    const under = columns.cosine * c;
    diagonal[i] = lines.length;
    over = lines.cosine * above + lines.sine * under;
    diagonal[i + 1] = lines.cosine * under - lines.sine * above;
    out = lines.sine * (beside[i + 1] as number);
    if (i + 1 < end) beside[i + 1] = lines.cosine * (beside[i + 1] as number);
    if (left.length > 0) turnRows(left, rows, i, i + 1, lines.cosine, lines.sine);
  }
  beside[end - 1] = over;
}

/** The eigenvalue of the last two rows and columns of `B^T B` that is next to the last element; none where a value is next to 0. */
function shiftOf(
  diagonal: Float64Array,
  beside: Float64Array,
  start: number,
  end: number,
  tolerance: number,
): number {
  for (let i = start; i <= end; i++) if (Math.abs(diagonal[i] as number) <= tolerance) return 0;
  const [a, b, c] = [
    diagonal[end - 1] as number,
    beside[end - 1] as number,
    diagonal[end] as number,
  ];
  const before = end - 1 > start ? (beside[end - 2] as number) : 0;
  const last = c * c + b * b;
  const half = (a * a + before * before - last) / 2;
  const between = a * b;
  const length = Math.sqrt(half * half + between * between);
  return last - (between * between) / (half + (half < 0 ? -length : length));
}

interface PlaneTurn {
  readonly cosine: number;
  readonly sine: number;
  readonly length: number;
}

/** The turn that takes (a, b) to (length, 0). */
function turnTo(a: number, b: number): PlaneTurn {
  const square = a * a + b * b;
  // Too small for its digits, and for the result.
  if (square < 1e-280) return { cosine: 1, sine: 0, length: a };
  const length = Math.sqrt(square);
  return { cosine: a / length, sine: b / length, length };
}

function turnRows(
  matrix: Float64Array,
  side: number,
  i: number,
  j: number,
  cosine: number,
  sine: number,
): void {
  for (let k = 0; k < side; k++) {
    const [a, b] = [matrix[i * side + k] as number, matrix[j * side + k] as number];
    matrix[i * side + k] = cosine * a + sine * b;
    matrix[j * side + k] = cosine * b - sine * a;
  }
}

/** Values without their signs, ascending, and vectors as columns in that order. */
function sorted({ diagonal, left, right }: Bidiagonal): BidiagonalParts {
  const rows = diagonal.length;
  const order = Array.from(diagonal.keys()).sort(
    (a, b) => Math.abs(diagonal[a] as number) - Math.abs(diagonal[b] as number),
  );
  const side = rows + 1;
  const parts = {
    values: new Float64Array(rows),
    left: new Float64Array(left.length),
    right: new Float64Array(right.length),
  };
  order.forEach((source, target) => {
    const value = diagonal[source] as number;
    parts.values[target] = Math.abs(value);
    for (let k = 0; k < side; k++) {
      const element = right[source * side + k] as number;
      parts.right[k * side + target] = value < 0 ? -element : element;
    }
    if (left.length > 0)
      for (let k = 0; k < rows; k++)
        parts.left[k * rows + target] = left[source * rows + k] as number;
  });
  for (let k = 0; k < side; k++) parts.right[k * side + rows] = right[rows * side + k] as number;
  return parts;
}

function identity(side: number): Float64Array {
  const out = new Float64Array(side * side);
  for (let i = 0; i < side; i++) out[i * side + i] = 1;
  return out;
}
