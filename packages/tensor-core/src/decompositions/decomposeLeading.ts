import { addProducts } from './addProducts.ts';
import { decomposeSvd, type SvdParts } from './decomposeSvd.ts';
import { leadingEigenvectors } from './leadingEigenvectors.ts';
import { rowsOf } from './rowsOf.ts';
import { scaleToOne } from './scaleToOne.ts';
import { transpose } from './transpose.ts';

/**
 * The parts of the first `rank` singular values of a matrix [rows, columns]: those of the matrix within the space that
 * their left vectors span, or the first of all where that takes no longer.
 */
export function decomposeLeading(
  matrix: Float64Array,
  rows: number,
  columns: number,
  rank: number,
): SvdParts {
  if (4 * rank > Math.min(rows, columns)) {
    const { left, values, right } = decomposeSvd(matrix, rows, columns);
    return {
      left: left.subarray(0, rank * rows),
      values: values.subarray(0, rank),
      right: right.subarray(0, rank * columns),
    };
  }
  if (rows > columns) {
    const { left, values, right } = decomposeLeading(
      transpose(matrix, rows, columns),
      columns,
      rows,
      rank,
    );
    return { left: right, values, right: left };
  }
  const { scaled } = scaleToOne(matrix);
  const space = leadingEigenvectors(productsOfRows(scaled, rows, columns), rows, rank);
  const within = decomposeSvd(multiply(space, rank, rows, matrix, columns), rank, columns);
  return { ...within, left: multiply(within.left, rank, rank, space, rows) };
}

/** The product of each row with itself and those after it: the rest of [rows, rows] is not told. */
function productsOfRows(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * rows);
  const block = 32;
  for (let first = 0; first < rows; first += block) {
    const count = rows - first;
    const after = { data: matrix, start: first * columns, stride: columns, count };
    const within = { ...after, count: Math.min(block, count) };
    const sums = { data: out, start: first * rows + first, stride: rows, count };
    addProducts(sums, within, after, columns);
  }
  return out;
}

/** [rows, depth] with [depth, columns]. */
function multiply(
  a: Float64Array,
  rows: number,
  depth: number,
  b: Float64Array,
  columns: number,
): Float64Array {
  const out = new Float64Array(rows * columns);
  const other = transpose(b, depth, columns);
  addProducts(rowsOf(out, columns), rowsOf(a, depth), rowsOf(other, depth), depth);
  return out;
}
