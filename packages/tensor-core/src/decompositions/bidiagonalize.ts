import { makeReflection } from './makeReflection.ts';
import type { Reflections } from './reflectRows.ts';

/** `matrix = L_first ... L_last B R_last ... R_first`, with B upper bidiagonal. */
export interface Bidiagonal {
  readonly diagonal: Float64Array;
  /** Element i stands right of element i of the diagonal; the last is 0. */
  readonly beside: Float64Array;
  readonly left: Reflections;
  readonly right: Reflections;
}

/**
 * Makes a square matrix bidiagonal by reflections from both sides: Golub and Kahan, "Calculating the singular values and pseudo-inverse of a
 * matrix", 1965. Each step goes over the matrix twice, and does what is left of the last step on the way: Howell, Demmel and others, "Cache
 * efficient bidiagonalization using BLAS 2.5 operators", 2008.
 *
 * @param matrix [side, side]. It is written over.
 */
export function bidiagonalize(matrix: Float64Array, side: number): Bidiagonal {
  const zeros = (): Float64Array => new Float64Array(side);
  const [diagonal, beside, leftScales, rightScales] = [zeros(), zeros(), zeros(), zeros()];
  const [u, x, y, v] = [zeros(), zeros(), zeros(), zeros()];
  const [column, sums] = [zeros(), zeros()];
  const [left, right] = [new Float64Array(side * side), new Float64Array(side * side)];
  for (let k = 0; k < side; k++) {
    // The matrix is still to lose u y^T + x v^T, of the last step.
    for (let i = k; i < side; i++)
      column[i] =
        (matrix[i * side + k] as number) -
        (u[i] as number) * (y[k] as number) -
        (x[i] as number) * (v[k] as number);
    const fromLeft = makeReflection(column, k, side);
    diagonal[k] = fromLeft.target;
    leftScales[k] = fromLeft.scale;
    left.set(column.subarray(k), k * side + k);
    if (k + 1 === side) break;
    sums.fill(0);
    updateAndSum({ matrix, side, first: k, u, x, y, v, weights: column, sums });
    for (let j = k + 1; j < side; j++) {
      y[j] = fromLeft.scale * (sums[j] as number);
      v[j] = (matrix[k * side + j] as number) - (column[k] as number) * (y[j] as number);
    }
    u.set(column);
    const fromRight = makeReflection(v, k + 1, side);
    beside[k] = fromRight.target;
    rightScales[k] = fromRight.scale;
    right.set(v.subarray(k + 1), k * side + k + 1);
    multiplyRest(matrix, side, k + 1, v, x);
    let common = 0;
    for (let j = k + 1; j < side; j++) common += (y[j] as number) * (v[j] as number);
    for (let i = k + 1; i < side; i++)
      x[i] = fromRight.scale * ((x[i] as number) - (u[i] as number) * common);
  }
  return {
    diagonal,
    beside,
    left: { vectors: left, side, scales: leftScales, offset: 0 },
    right: {
      vectors: right,
      side,
      scales: rightScales.subarray(0, Math.max(side - 1, 0)),
      offset: 1,
    },
  };
}

interface Pass {
  readonly matrix: Float64Array;
  readonly side: number;
  readonly first: number;
  readonly u: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly v: Float64Array;
  readonly weights: Float64Array;
  readonly sums: Float64Array;
}

/** Takes `u y^T + x v^T` from the rows from `first` on, right of their first column, and adds the weighted sum of what they are then. */
function updateAndSum({ matrix, side, first, u, x, y, v, weights, sums }: Pass): void {
  let i = first;
  // Four rows at a time read the vectors once.
  for (; i + 4 <= side; i += 4) {
    const at = i * side;
    const [u0, u1, u2, u3] = [
      u[i] as number,
      u[i + 1] as number,
      u[i + 2] as number,
      u[i + 3] as number,
    ];
    const [x0, x1, x2, x3] = [
      x[i] as number,
      x[i + 1] as number,
      x[i + 2] as number,
      x[i + 3] as number,
    ];
    const [w0, w1, w2, w3] = [
      weights[i] as number,
      weights[i + 1] as number,
      weights[i + 2] as number,
      weights[i + 3] as number,
    ];
    for (let j = first + 1; j < side; j++) {
      const yj = y[j] as number;
      const vj = v[j] as number;
      const at0 = at + j;
      const at1 = at0 + side;
      const at2 = at1 + side;
      const at3 = at2 + side;
      const a0 = (matrix[at0] as number) - (u0 * yj + x0 * vj);
      const a1 = (matrix[at1] as number) - (u1 * yj + x1 * vj);
      const a2 = (matrix[at2] as number) - (u2 * yj + x2 * vj);
      const a3 = (matrix[at3] as number) - (u3 * yj + x3 * vj);
      matrix[at0] = a0;
      matrix[at1] = a1;
      matrix[at2] = a2;
      matrix[at3] = a3;
      sums[j] = (sums[j] as number) + (w0 * a0 + w1 * a1 + (w2 * a2 + w3 * a3));
    }
  }
  for (; i < side; i++) {
    const [ui, xi, weight] = [u[i] as number, x[i] as number, weights[i] as number];
    for (let j = first + 1; j < side; j++) {
      const at = i * side + j;
      const element = (matrix[at] as number) - (ui * (y[j] as number) + xi * (v[j] as number));
      matrix[at] = element;
      sums[j] = (sums[j] as number) + weight * element;
    }
  }
}

/** The product of the rows and columns from `first` on with a vector. */
function multiplyRest(
  matrix: Float64Array,
  side: number,
  first: number,
  vector: Float64Array,
  out: Float64Array,
): void {
  let i = first;
  for (; i + 4 <= side; i += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let j = first; j < side; j++) {
      const at = i * side + j;
      const element = vector[j] as number;
      s0 += (matrix[at] as number) * element;
      s1 += (matrix[at + side] as number) * element;
      s2 += (matrix[at + 2 * side] as number) * element;
      s3 += (matrix[at + 3 * side] as number) * element;
    }
    out[i] = s0;
    out[i + 1] = s1;
    out[i + 2] = s2;
    out[i + 3] = s3;
  }
  for (; i < side; i++) {
    let sum = 0;
    for (let j = first; j < side; j++)
      sum += (matrix[i * side + j] as number) * (vector[j] as number);
    out[i] = sum;
  }
}
