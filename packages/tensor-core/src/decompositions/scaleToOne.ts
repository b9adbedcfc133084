/** Below this a part of a matrix whose largest element is near 1 counts as 0, long before its squares lose digits. */
export const negligible = 1e-60;

/** A copy with a largest element of 1 to 2, so that no square of it overflows, and the power of 2 that takes it back. */
export function scaleToOne(matrix: Float64Array): { scaled: Float64Array; scale: number } {
  let most = 0;
  for (let i = 0; i < matrix.length; i++) most = Math.max(most, Math.abs(matrix[i] as number));
  if (most === 0) return { scaled: matrix.slice(), scale: 1 };
  // The power of a subnormal number has no finite inverse.
  const scale = 2 ** Math.max(Math.floor(Math.log2(most)), -1022);
  const scaled = new Float64Array(matrix.length);
  for (let i = 0; i < matrix.length; i++) scaled[i] = (matrix[i] as number) / scale;
  return { scaled, scale };
}
