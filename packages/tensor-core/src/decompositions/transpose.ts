/** The transpose of a matrix of `rows` rows, in squares that stay in the cache. */
export function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(matrix.length);
  const side = 16;
  for (let top = 0; top < rows; top += side)
    for (let left = 0; left < columns; left += side)
      for (let i = top; i < Math.min(top + side, rows); i++)
        for (let j = left; j < Math.min(left + side, columns); j++)
          out[j * rows + i] = matrix[i * columns + j] as number;
  return out;
}
