import { factorLq } from './factorLq.ts';
import { reflectRows } from './reflectRows.ts';
import { rowsOf } from './rowsOf.ts';
import { scaleToOne } from './scaleToOne.ts';
import { transpose } from './transpose.ts';

/** Q [rows, columns] and R [columns, columns] of a matrix that is no wider than tall, with the signs of LAPACK. */
export function decomposeQr(
  matrix: Float64Array,
  rows: number,
  columns: number,
): readonly [q: Float64Array, r: Float64Array] {
  const { scaled, scale } = scaleToOne(transpose(matrix, rows, columns));
  const { l, ...reflections } = factorLq(scaled, columns, rows);
  for (let i = 0; i < l.length; i++) l[i] = (l[i] as number) * scale;
  const q = new Float64Array(columns * rows);
  for (let i = 0; i < columns; i++) q[i * rows + i] = 1;
  reflectRows(rowsOf(q, rows), reflections, true);
  return [transpose(q, columns, rows), transpose(l, columns, columns)];
}
