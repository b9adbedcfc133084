/** The first `side` columns of the first `side` rows of a matrix, each as a row; `isReversed`: the last one first. */
export function columnsAsRows(
  { data, stride }: { data: Float64Array; stride: number },
  side: number,
  isReversed = false,
): Float64Array {
  const out = new Float64Array(side * side);
  const block = 16; // Squares of it stay in the cache.
  for (let left = 0; left < side; left += block)
    for (let i = 0; i < side; i++)
      for (let j = left; j < Math.min(left + block, side); j++)
        out[(isReversed ? side - 1 - j : j) * side + i] = data[i * stride + j] as number;
  return out;
}
