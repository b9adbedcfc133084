/** A symmetric matrix between reflections: those of the rows from the last on the left, and in turn on the right. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Beside the diagonal; the first is 0. */
  readonly below: Float64Array;
  /** Row i of the matrix has the vector v of a reflection `I - scale v v^T` before its diagonal. */
  readonly scales: Float64Array;
}

/** @param matrix n rows, of which the part up to the diagonal is read, and written over with the reflections. */
export function tridiagonalize(matrix: readonly Float64Array[]): Tridiagonal {
  const side = matrix.length;
  const [diagonal, below, scales, turned] = Array.from(
    { length: 4 },
    () => new Float64Array(side),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  for (let last = side - 1; last >= 0; last--) {
    const v = matrix[last] as Float64Array;
    diagonal[last] = v[last] as number;
    if (last === 0) break;
    const end = v[last - 1] as number;
    const rest = dotUpTo(v, v, last - 1);
    if (rest === 0) {
      below[last] = end;
      continue;
    }
    const length = Math.sqrt(rest + end * end);
    const target = end > 0 ? -length : length;
    below[last] = target;
    v[last - 1] = end - target;
    const scale = 2 / (rest + (end - target) ** 2);
    scales[last] = scale;
    multiply(matrix, v, last, turned);
    // M - v w^T - w v^T with w = scale M v - shift v.
    const shift = (scale * scale * dotUpTo(turned, v, last)) / 2;
    for (let i = 0; i < last; i++)
      turned[i] = scale * (turned[i] as number) - shift * (v[i] as number);
    for (let i = 0; i < last; i++) {
      const row = matrix[i] as Float64Array;
      const [vi, wi] = [v[i] as number, turned[i] as number];
      for (let j = 0; j <= i; j++)
        row[j] = (row[j] as number) - (vi * (turned[j] as number) + wi * (v[j] as number));
    }
  }
  return { diagonal, below, scales };
}

/** The product of the first `side` rows and columns with a vector. */
function multiply(
  matrix: readonly Float64Array[],
  vector: Float64Array,
  side: number,
  out: Float64Array,
): void {
  for (let i = 0; i < side; i++) {
    const row = matrix[i] as Float64Array;
    const at = vector[i] as number;
    let sum = (row[i] as number) * at;
    for (let j = 0; j < i; j++) {
      const element = row[j] as number;
      sum += element * (vector[j] as number);
      out[j] = (out[j] as number) + element * at;
    }
    out[i] = sum;
  }
}

/** Of the first elements. */
export function dotUpTo(a: Float64Array, b: Float64Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
