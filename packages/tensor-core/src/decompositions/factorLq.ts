import { makeReflection } from './makeReflection.ts';
import { reflectRow } from './reflectRow.ts';
import { blockSize, type Reflections, reflectBlock } from './reflectRows.ts';

/**
 * `matrix = [l 0] H_last ... H_first` of a matrix that is no taller than wide, by Householder reflections in blocks.
 *
 * @param matrix [rows, columns]. It is written over: l stands up to the diagonal, the vectors of the reflections are those of the result.
 */
export function factorLq(
  matrix: Float64Array,
  rows: number,
  columns: number,
): Reflections & { l: Float64Array } {
  const scales = new Float64Array(rows);
  const diagonal = new Float64Array(rows);
  const reflections = { vectors: matrix, side: columns, scales, offset: 0 };
  for (let start = 0; start < rows; start += blockSize) {
    const end = Math.min(start + blockSize, rows);
    for (let i = start; i < end; i++) {
      const { scale, target } = makeReflection(matrix, i * columns + i, (i + 1) * columns);
      scales[i] = scale;
      diagonal[i] = target;
      const vector = { vectors: matrix, from: i * columns + i, scale };
      for (let j = i + 1; j < end && scale !== 0; j++)
        reflectRow(vector, { data: matrix, start: j * columns + i }, columns - i);
    }
    const below = { data: matrix, start: end * columns, stride: columns, count: rows - end };
    reflectBlock(below, reflections, start, end, false);
  }
  const l = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    l.set(matrix.subarray(i * columns, i * columns + i), i * rows);
    l[i * rows + i] = diagonal[i] as number;
  }
  return { ...reflections, l };
}
