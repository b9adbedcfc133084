/** Rows of a matrix: row i starts at `start + i * stride`. */
export interface Rows {
  readonly data: Float64Array;
  readonly start: number;
  readonly stride: number;
  readonly count: number;
}

/** All rows of a matrix whose rows have `stride` elements. */
export function rowsOf(data: Float64Array, stride: number): Rows {
  return { data, start: 0, stride, count: stride === 0 ? 0 : data.length / stride };
}
