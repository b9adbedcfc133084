import { bidiagonalize } from './bidiagonalize.ts';
import { bidiagonalSvd } from './bidiagonalSvd.ts';
import { columnsAsRows } from './columnsAsRows.ts';
import { factorLq } from './factorLq.ts';
import { reflectRows } from './reflectRows.ts';
import { rowsOf } from './rowsOf.ts';
import { scaleToOne } from './scaleToOne.ts';
import { transpose } from './transpose.ts';

/** `x = left^T diag(values) right`. */
export interface SvdParts {
  /** [k, rows], with k the smaller side. */
  readonly left: Float64Array;
  /** Descending. */
  readonly values: Float64Array;
  /** [k, columns]. */
  readonly right: Float64Array;
}

/**
 * The thin singular value decomposition of a matrix [rows, columns]. Errors are of the order of the rounding of the
 * largest value.
 *
 * A matrix that is not square is first made so by reflections of its longer rows (Chan, "An improved algorithm for
 * computing the singular value decomposition", 1982). The square one is made bidiagonal, and that one decomposed.
 */
export function decomposeSvd(matrix: Float64Array, rows: number, columns: number): SvdParts {
  if (rows > columns) {
    const { left, values, right } = decomposeSvd(transpose(matrix, rows, columns), columns, rows);
    return { left: right, values, right: left };
  }
  const { scaled, scale } = scaleToOne(matrix);
  const { left, values, right } =
    rows === columns ? decomposeSquare(scaled, rows) : decomposeWide(scaled, rows, columns);
  return { left, values: values.map((value) => value * scale), right };
}

function decomposeWide(matrix: Float64Array, rows: number, columns: number): SvdParts {
  const { l, ...reflections } = factorLq(matrix, rows, columns);
  const { left, values, right } = decomposeSquare(l, rows);
  const wide = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) wide.set(right.subarray(i * rows, (i + 1) * rows), i * columns);
  reflectRows(rowsOf(wide, columns), reflections);
  return { left, values, right: wide };
}

function decomposeSquare(matrix: Float64Array, side: number): SvdParts {
  const { diagonal, beside, left, right } = bidiagonalize(matrix, side);
  const parts = bidiagonalSvd(diagonal, beside, { hasLeft: true });
  // The last row and column of what is on the right are those of the empty column that makes the matrix wider than tall.
  const [toLeft, toRight] = [
    columnsAsRows({ data: parts.left, stride: side }, side, true),
    columnsAsRows({ data: parts.right, stride: side + 1 }, side, true),
  ];
  reflectRows(rowsOf(toLeft, side), left);
  reflectRows(rowsOf(toRight, side), right);
  return { left: toLeft, values: parts.values.reverse(), right: toRight };
}
