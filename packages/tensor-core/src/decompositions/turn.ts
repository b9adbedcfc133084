/** Turns a vector in the plane of two of its elements. */
export function turn(
  vector: Float64Array,
  from: number,
  to: number,
  { cosine, sine }: { cosine: number; sine: number },
): void {
  const [a, b] = [vector[from] as number, vector[to] as number];
  vector[from] = cosine * a + sine * b;
  vector[to] = cosine * b - sine * a;
}
