import type { TypedArray } from './dtype.ts';
import type { Values } from './op.ts';
import { permuteOp } from './ops/movement/permute.ts';

/** The elements of `x` with its axes in the order `axes`; no copy if that is their order already. */
export function packAxes(x: Values, axes: readonly number[]): TypedArray {
  if (axes.every((axis, i) => axis === i)) return x.data;
  const data =
    x.dtype === 'f64' ? new Float64Array(x.data.length) : new Float32Array(x.data.length);
  const shape = axes.map((axis) => x.shape[axis] as number);
  permuteOp.evaluate([x], { axes }, { dtype: x.dtype, shape, data });
  return data;
}

interface RowProduct {
  /** `[batches, rows, depth]`. */
  readonly a: TypedArray;
  /** `[batches, columns, depth]`. */
  readonly b: TypedArray;
  /** `[batches, rows, columns]`. */
  readonly out: TypedArray;
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/**
 * All inner products of rows of `a` with rows of `b`, summed in f64. Blocks of 4 by 4 keep sixteen sums in
 * registers, so that each element that is loaded serves four times.
 */
export function multiplyRows({ a, b, out, batches, rows, columns, depth }: RowProduct): void {
  for (let batch = 0; batch < batches; batch++) {
    const startA = batch * rows * depth;
    const startB = batch * columns * depth;
    const startOut = batch * rows * columns;
    for (let i = 0; i < rows; i += 4) {
      for (let j = 0; j < columns; j += 4) {
        const at = startOut + i * columns + j;
        if (i + 4 <= rows && j + 4 <= columns) {
          multiplyBlock(a, startA + i * depth, b, startB + j * depth, out, at, columns, depth);
        } else {
          multiplyEdge(
            a,
            startA + i * depth,
            Math.min(4, rows - i),
            b,
            startB + j * depth,
            Math.min(4, columns - j),
            out,
            at,
            columns,
            depth,
          );
        }
      }
    }
  }
}

function multiplyBlock(
  a: TypedArray,
  p0: number,
  b: TypedArray,
  q0: number,
  out: TypedArray,
  at: number,
  columns: number,
  depth: number,
): void {
  const p1 = p0 + depth;
  const p2 = p1 + depth;
  const p3 = p2 + depth;
  const q1 = q0 + depth;
  const q2 = q1 + depth;
  const q3 = q2 + depth;
  let [s00, s01, s02, s03] = [0, 0, 0, 0];
  let [s10, s11, s12, s13] = [0, 0, 0, 0];
  let [s20, s21, s22, s23] = [0, 0, 0, 0];
  let [s30, s31, s32, s33] = [0, 0, 0, 0];
  for (let k = 0; k < depth; k++) {
    const b0 = b[q0 + k] as number;
    const b1 = b[q1 + k] as number;
    const b2 = b[q2 + k] as number;
    const b3 = b[q3 + k] as number;
    let x = a[p0 + k] as number;
    s00 += x * b0;
    s01 += x * b1;
    s02 += x * b2;
    s03 += x * b3;
    x = a[p1 + k] as number;
    s10 += x * b0;
    s11 += x * b1;
    s12 += x * b2;
    s13 += x * b3;
    x = a[p2 + k] as number;
    s20 += x * b0;
    s21 += x * b1;
    s22 += x * b2;
    s23 += x * b3;
    x = a[p3 + k] as number;
    s30 += x * b0;
    s31 += x * b1;
    s32 += x * b2;
    s33 += x * b3;
  }
  out[at] = s00;
  out[at + 1] = s01;
  out[at + 2] = s02;
  out[at + 3] = s03;
  const at1 = at + columns;
  out[at1] = s10;
  out[at1 + 1] = s11;
  out[at1 + 2] = s12;
  out[at1 + 3] = s13;
  const at2 = at1 + columns;
  out[at2] = s20;
  out[at2 + 1] = s21;
  out[at2 + 2] = s22;
  out[at2 + 3] = s23;
  const at3 = at2 + columns;
  out[at3] = s30;
  out[at3 + 1] = s31;
  out[at3 + 2] = s32;
  out[at3 + 3] = s33;
}

function multiplyEdge(
  a: TypedArray,
  startA: number,
  rows: number,
  b: TypedArray,
  startB: number,
  columns: number,
  out: TypedArray,
  at: number,
  rowLength: number,
  depth: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const p = startA + i * depth;
      const q = startB + j * depth;
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += (a[p + k] as number) * (b[q + k] as number);
      out[at + i * rowLength + j] = sum;
    }
  }
}
