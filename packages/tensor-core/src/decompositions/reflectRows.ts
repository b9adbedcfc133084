import { addProducts } from './addProducts.ts';
import { reflectRow } from './reflectRow.ts';
import { type Rows, rowsOf } from './rowsOf.ts';
import { transpose } from './transpose.ts';

/** Reflections `H_i = I - scale_i v_i v_i^T`, whose vectors are rows that begin with zeros. */
export interface Reflections {
  /** [count, side]. What stands before the start of a vector is not read. */
  readonly vectors: Float64Array;
  readonly side: number;
  readonly scales: Float64Array;
  /** Vector i starts at `offset + i`. */
  readonly offset: number;
}

/** How many reflections are multiplied into one. */
export const blockSize = 32;

/**
 * Multiplies rows of `side` elements with all reflections from the right, the last one first.
 *
 * @param isIdentity That the rows are those of the identity. The first i are then left alone by the reflections from i on.
 */
export function reflectRows(rows: Rows, reflections: Reflections, isIdentity = false): void {
  const { vectors, side, scales, offset } = reflections;
  const from = (row: number): Rows => ({
    ...rows,
    start: rows.start + row * rows.stride,
    count: rows.count - row,
  });
  const count = scales.length;
  if (count > blockSize) {
    for (let i = count - (count % blockSize || blockSize); i >= 0; i -= blockSize) {
      const end = Math.min(i + blockSize, count);
      reflectBlock(isIdentity ? from(i) : rows, reflections, i, end, true);
    }
    return;
  }
  for (let i = count - 1; i >= 0; i--) {
    const first = offset + i;
    const vector = { vectors, from: i * side + first, scale: scales[i] as number };
    for (let row = isIdentity ? i : 0; row < rows.count; row++) {
      const start = rows.start + row * rows.stride + first;
      reflectRow(vector, { data: rows.data, start }, side - first);
    }
  }
}

/**
 * Multiplies rows with the reflections from `start` to `end` from the right, as one product `I - V^T T V`: Schreiber and
 * Van Loan, "A storage-efficient WY representation for products of Householder transformations", 1989.
 */
export function reflectBlock(
  { data, start: startRows, stride, count }: Rows,
  { vectors, side, scales, offset }: Reflections,
  start: number,
  end: number,
  isLastFirst: boolean,
): void {
  const size = end - start;
  const first = start + offset;
  const length = side - first;
  if (length <= 0) return;
  const block = new Float64Array(size * length);
  for (let i = 0; i < size; i++) {
    const from = Math.min((start + i) * side + first + i, (start + i + 1) * side);
    block.set(vectors.subarray(from, (start + i + 1) * side), i * length + i);
  }
  const within: Rows = { data, start: startRows + first, stride, count };
  const parts = new Float64Array(count * size);
  addProducts(rowsOf(parts, size), within, rowsOf(block, length), length);
  const factor = triangularFactor(block, length, scales.subarray(start, end));
  const turned = new Float64Array(count * size);
  // The product with T by its columns, or with its transpose by its rows.
  const lines = isLastFirst ? factor : transpose(factor, size, size);
  addProducts(rowsOf(turned, size), rowsOf(parts, size), rowsOf(lines, size), size);
  for (let i = 0; i < turned.length; i++) turned[i] = -(turned[i] as number);
  addProducts(within, rowsOf(turned, size), rowsOf(transpose(block, size, length), size), size);
}

/** T, upper triangular. */
function triangularFactor(block: Float64Array, length: number, scales: Float64Array): Float64Array {
  const size = scales.length;
  const products = new Float64Array(size * size);
  const rows = rowsOf(block, length);
  addProducts(rowsOf(products, size), rows, rows, length);
  const factor = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const scale = scales[column] as number;
    for (let i = 0; i < column; i++) {
      let sum = 0;
      for (let k = i; k < column; k++)
        sum += (factor[i * size + k] as number) * (products[column * size + k] as number);
      factor[i * size + column] = -scale * sum;
    }
    factor[column * size + column] = scale;
  }
  return factor;
}
