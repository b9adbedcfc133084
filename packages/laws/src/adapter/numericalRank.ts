/**
 * Number of singular values of a matrix above 1e-9 of the largest, by one-sided Jacobi rotations (Hestenes
 * 1958): they make the columns orthogonal, and their lengths are the singular values.
 *
 * @param elements row-major, with `rows` rows.
 */
export function numericalRank(elements: readonly number[], rows: number): number {
  const width = rows === 0 ? 0 : elements.length / rows;
  const columns = Array.from({ length: width }, (_, j) =>
    Array.from({ length: rows }, (_unused, i) => elements[i * width + j] as number),
  );
  for (let sweep = 0; sweep < 30; sweep++) {
    let rotated = false;
    for (let p = 0; p < width; p++) {
      for (let q = p + 1; q < width; q++)
        if (orthogonalize(columns[p] ?? [], columns[q] ?? [])) rotated = true;
    }
    if (!rotated) break;
  }
  const lengths = columns.map((column) => Math.hypot(...column));
  const largest = Math.max(...lengths, 0);
  return lengths.filter((length) => length > 1e-9 * Math.max(largest, 1e-3)).length;
}

/** Rotates two columns until they are orthogonal. Returns whether they were not. */
function orthogonalize(a: number[], b: number[]): boolean {
  const product = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  const [aa, bb, ab] = [product(a, a), product(b, b), product(a, b)];
  if (Math.abs(ab) <= 1e-15 * Math.sqrt(aa * bb) || ab === 0) return false;
  const zeta = (bb - aa) / (2 * ab);
  const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    a[i] = cosine * (x - tangent * y);
    b[i] = cosine * (tangent * x + y);
  }
  return true;
}
