import { bidiagonalSvd } from './bidiagonalSvd.ts';
import { columnsAsRows } from './columnsAsRows.ts';
import { reflectRows } from './reflectRows.ts';
import { rowsOf } from './rowsOf.ts';
import { scaleToOne } from './scaleToOne.ts';
import { tridiagonalize } from './tridiagonalize.ts';

/** `x = vectors^T diag(values) vectors`. */
export interface EighParts {
  /** Ascending. */
  readonly values: Float64Array;
  /** [side, side]: a row for each value. */
  readonly vectors: Float64Array;
}

/**
 * The eigenvalues and eigenvectors of a symmetric matrix [side, side]. Errors are of the order of the rounding of the largest value.
 *
 * With a multiple of the identity that makes it positive definite, its tridiagonal form is `B^T B` of a bidiagonal matrix (Cholesky), of which the
 * right singular vectors are the eigenvectors.
 */
export function decomposeEigh(matrix: Float64Array, side: number): EighParts {
  const { scaled, scale } = scaleToOne(matrix);
  const { diagonal, beside, reflections } = tridiagonalize(scaled, side);
  const { shift, factor } = factorShifted(diagonal, beside);
  const { values, right } = bidiagonalSvd(factor.diagonal, factor.beside, { hasLeft: false });
  // The last row and column are those of the empty column that makes the factor wider than tall.
  const vectors = columnsAsRows({ data: right, stride: side + 1 }, side);
  reflectRows(rowsOf(vectors, side), reflections);
  return { values: values.map((value) => (value * value - shift) * scale), vectors };
}

/** The bidiagonal B with `B^T B` equal to the tridiagonal matrix and `shift` on its diagonal. */
function factorShifted(
  diagonal: Float64Array,
  beside: Float64Array,
): { shift: number; factor: { diagonal: Float64Array; beside: Float64Array } } {
  let [lowest, radius] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < diagonal.length; i++) {
    const around = Math.abs(beside[i] as number) + Math.abs(beside[i - 1] ?? 0);
    lowest = Math.min(lowest, (diagonal[i] as number) - around); // no eigenvalue is lower (Gershgorin)
    radius = Math.max(radius, Math.abs(diagonal[i] as number) + around);
  }
  // A margin so that rounding leaves every pivot positive.
  const shift = radius / 16 - lowest;
  const [ofDiagonal, ofBeside] = [
    new Float64Array(diagonal.length),
    new Float64Array(diagonal.length),
  ];
  let taken = 0;
  for (let i = 0; i < diagonal.length; i++) {
    const pivot = Math.sqrt((diagonal[i] as number) + shift - taken);
    ofDiagonal[i] = pivot;
    ofBeside[i] = pivot === 0 ? 0 : (beside[i] as number) / pivot;
    taken = (ofBeside[i] as number) ** 2;
  }
  return { shift, factor: { diagonal: ofDiagonal, beside: ofBeside } };
}
