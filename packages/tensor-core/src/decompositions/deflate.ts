/** A turn of two axes by which the first loses its part of the row. */
interface Turn {
  readonly from: number;
  readonly to: number;
  readonly cosine: number;
  readonly sine: number;
}

export interface Deflation {
  /** Places that the row still couples, by ascending value; place 0 first. */
  readonly kept: readonly number[];
  /** Places whose value is a singular value as it is. */
  readonly settled: readonly number[];
  readonly turns: readonly Turn[];
}

/**
 * Finds which values of a diagonal matrix with one full row a rounding error separates from singular values: those where the row is next to 0, and one of each two
 * that are next to equal, after a turn: Gu and Eisenstat, "A divide-and-conquer algorithm for the bidiagonal SVD", 1995.
 *
 * @param values The diagonal, of which place 0, the row's own, is 0. Those that are kept are moved apart from 0.
 * @param row It is turned.
 */
export function deflate(values: Float64Array, row: Float64Array, tolerance: number): Deflation {
  const [kept, settled, turns]: [number[], number[], Turn[]] = [[0], [], []];
  if (Math.abs(row[0] as number) <= tolerance) row[0] = tolerance;
  const order = Array.from(values.keys()).slice(1);
  order.sort((a, b) => (values[a] as number) - (values[b] as number));
  for (const place of order) {
    const part = row[place] as number;
    if (Math.abs(part) <= tolerance) {
      settled.push(place);
      continue;
    }
    const last = kept.at(-1) as number;
    if (last > 0 && (values[place] as number) - (values[last] as number) <= tolerance) {
      const other = row[last] as number;
      const length = Math.hypot(part, other);
      turns.push({ from: last, to: place, cosine: part / length, sine: other / length });
      row[place] = length;
      row[last] = 0;
      settled.push(last);
      kept.pop();
    }
    kept.push(place);
  }
  const smallest = kept[1];
  if (smallest !== undefined)
    values[smallest] = Math.max(values[smallest] as number, tolerance / 2);
  return { kept, settled, turns };
}
