/** The largest in magnitude; the first, if others are as large but for rounding. */
export function largestOf(vector: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < vector.length; i++) {
    const element = vector[i] as number;
    if (Math.abs(element) > Math.abs(largest) * (1 + 1e-9)) largest = element;
  }
  return largest;
}

export function negate(vector: Float64Array): void {
  for (let i = 0; i < vector.length; i++) vector[i] = -(vector[i] as number);
}
