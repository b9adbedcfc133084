import {
  cast,
  gather,
  mul,
  promote,
  reshape,
  scatterAdd,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';

/** Entries of a matrix: values [n] at rows and columns, i32 [n] each. */
export interface SparseEntries {
  readonly values: Tensor;
  readonly rows: Tensor;
  readonly columns: Tensor;
}

/** The entries in the precision of a weight, if theirs is less, so that their sum is as exact as a product with that. */
export function asExactAs({ dtype }: Tensor, entries: SparseEntries): SparseEntries {
  const { values } = entries;
  return { ...entries, values: cast(values, promote(dtype, values.dtype)) };
}

/** Whether a product with a sparse matrix takes an element for each entry and row of inputs, and these are more than the matrix has. */
export function isWholeSmaller(
  count: number,
  rows: number,
  shape: { readonly in: number; readonly out: number },
): boolean {
  return count * rows > shape.in * shape.out;
}

/** The matrix of some entries, the rest zero: [rows, columns]. */
export function denseOf(
  entries: SparseEntries,
  sides: readonly [rows: number, columns: number],
): Tensor {
  return addEntries(zeros(sides, entries.values.dtype), entries);
}

/** A matrix [rows, columns] with each entry added at its place. */
export function addEntries(matrix: Tensor, { values, rows, columns }: SparseEntries): Tensor {
  const [, width = 0] = matrix.shape;
  return addAtPlaces(matrix, values, rows.mul(width).add(columns));
}

/**
 * A matrix with each value added at its place.
 *
 * @param places i32 [n]: in the rows one after the other.
 */
export function addAtPlaces(matrix: Tensor, values: Tensor, places: Tensor): Tensor {
  const dtype = promote(matrix.dtype, values.dtype);
  const line = reshape(cast(matrix, dtype), [matrix.size]);
  return reshape(scatterAdd(line, places, cast(values, dtype)), matrix.shape);
}

/**
 * The product of that matrix with the last axis of `x`, which forms no matrix: each entry takes an element of x, and
 * adds to one of the result.
 *
 * @param x [..., columns]
 * @returns [..., rows]
 */
export function sparseProduct(
  { values, rows, columns }: SparseEntries,
  x: Tensor,
  height: number,
): Tensor {
  const taken = mul(gather(x, columns, -1), values); // [..., n]
  return scatterAdd(zeros([...x.shape.slice(0, -1), height], taken.dtype), rows, taken, -1);
}
