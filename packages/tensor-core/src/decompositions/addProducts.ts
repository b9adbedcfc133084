import type { Rows } from './rowsOf.ts';

/**
 * Adds to `out` [rows of a, rows of b] the inner product of the first `depth` elements of each row of `a` with those of each of `b`.
 * Blocks of 2 by 4 keep eight sums in registers, so that each element that is loaded serves more than once.
 */
export function addProducts(
  out: Rows,
  { data: a, start: startA, stride: strideA, count: rows }: Rows,
  { data: b, start: startB, stride: strideB, count: columns }: Rows,
  depth: number,
): void {
  const sums = out.data;
  for (let i = 0; i < rows; i += 2) {
    // A last odd row is counted as its own neighbour, whose sums are dropped.
    const isPair = i + 1 < rows;
    const p0 = startA + i * strideA;
    const p1 = isPair ? p0 + strideA : p0;
    const at0 = out.start + i * out.stride;
    const at1 = at0 + out.stride;
    let j = 0;
    for (; j + 4 <= columns; j += 4) {
      const q0 = startB + j * strideB;
      const q1 = q0 + strideB;
      const q2 = q1 + strideB;
      const q3 = q2 + strideB;
      let [s00, s01, s02, s03] = [0, 0, 0, 0];
      let [s10, s11, s12, s13] = [0, 0, 0, 0];
      for (let k = 0; k < depth; k++) {
        const x = a[p0 + k] as number;
        const y = a[p1 + k] as number;
        let z = b[q0 + k] as number;
        s00 += x * z;
        s10 += y * z;
        z = b[q1 + k] as number;
        s01 += x * z;
        s11 += y * z;
        z = b[q2 + k] as number;
        s02 += x * z;
        s12 += y * z;
        z = b[q3 + k] as number;
        s03 += x * z;
        s13 += y * z;
      }
      addFour(sums, at0 + j, s00, s01, s02, s03);
      if (isPair) addFour(sums, at1 + j, s10, s11, s12, s13);
    }
    for (; j < columns; j++) {
      const q = startB + j * strideB;
      let [s0, s1] = [0, 0];
      for (let k = 0; k < depth; k++) {
        const z = b[q + k] as number;
        s0 += (a[p0 + k] as number) * z;
        s1 += (a[p1 + k] as number) * z;
      }
      sums[at0 + j] = (sums[at0 + j] as number) + s0;
      if (isPair) sums[at1 + j] = (sums[at1 + j] as number) + s1;
    }
  }
}

function addFour(out: Float64Array, at: number, a: number, b: number, c: number, d: number): void {
  out[at] = (out[at] as number) + a;
  out[at + 1] = (out[at + 1] as number) + b;
  out[at + 2] = (out[at + 2] as number) + c;
  out[at + 3] = (out[at + 3] as number) + d;
}
