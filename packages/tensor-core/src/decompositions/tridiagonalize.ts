import { makeReflection } from './makeReflection.ts';
import type { Reflections } from './reflectRows.ts';

/** `matrix = H_first ... H_last T H_last ... H_first`, with T symmetric and tridiagonal. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Element i stands right of element i of the diagonal, and below it; the last is 0. */
  readonly beside: Float64Array;
  readonly reflections: Reflections;
}

/**
 * Makes a symmetric matrix tridiagonal by reflections from both sides: Householder 1958. Each step goes over the matrix once, and does what is
 * left of the last step on the way.
 *
 * @param matrix [side, side], of which the part from the diagonal to the right is read, and written over.
 */
export function tridiagonalize(matrix: Float64Array, side: number): Tridiagonal {
  const zeros = (): Float64Array => new Float64Array(side);
  const [diagonal, beside, v, w, next, product] = [
    zeros(),
    zeros(),
    zeros(),
    zeros(),
    zeros(),
    zeros(),
  ];
  const scales = new Float64Array(Math.max(side - 1, 0));
  for (let k = 0; k < side; k++) {
    // The matrix is still to lose v w^T + w v^T, of the last step.
    const row = matrix.subarray(k * side, (k + 1) * side);
    for (let j = k; j < side; j++)
      row[j] =
        (row[j] as number) -
        ((v[k] as number) * (w[j] as number) + (w[k] as number) * (v[j] as number));
    diagonal[k] = row[k] as number;
    if (k + 1 === side) break;
    const { scale, target } = makeReflection(row, k + 1, side);
    scales[k] = scale;
    beside[k] = target;
    next.set(row.subarray(k + 1), k + 1);
    product.fill(0);
    updateAndMultiply({ matrix, side, first: k + 1, v, w, next, product });
    let common = 0;
    for (let j = k + 1; j < side; j++) common += (product[j] as number) * (next[j] as number);
    // v w^T + w v^T with w = scale M v - shift v.
    const shift = (scale * scale * common) / 2;
    for (let j = k + 1; j < side; j++) {
      v[j] = next[j] as number;
      w[j] = scale * (product[j] as number) - shift * (v[j] as number);
    }
  }
  return { diagonal, beside, reflections: { vectors: matrix, side, scales, offset: 1 } };
}

interface Pass {
  readonly matrix: Float64Array;
  readonly side: number;
  readonly first: number;
  readonly v: Float64Array;
  readonly w: Float64Array;
  readonly next: Float64Array;
  readonly product: Float64Array;
}

/** Takes `v w^T + w v^T` from the rows and columns from `first` on, and adds their product with `next` to `product`. */
function updateAndMultiply({ matrix, side, first, v, w, next, product }: Pass): void {
  const updateOne = (i: number, j: number): void => {
    const value =
      (matrix[i * side + j] as number) -
      ((v[i] as number) * (w[j] as number) + (w[i] as number) * (v[j] as number));
    matrix[i * side + j] = value;
    product[i] = (product[i] as number) + value * (next[j] as number);
    if (i !== j) product[j] = (product[j] as number) + value * (next[i] as number);
  };
  let i = first;
  // Two rows at a time read the vectors once.
  for (; i + 2 <= side; i += 2) {
    updateOne(i, i);
    updateOne(i, i + 1);
    updateOne(i + 1, i + 1);
    const [v0, v1] = [v[i] as number, v[i + 1] as number];
    const [w0, w1] = [w[i] as number, w[i + 1] as number];
    const [next0, next1] = [next[i] as number, next[i + 1] as number];
    let [sum0, sum1] = [0, 0];
    for (let j = i + 2; j < side; j++) {
      const at = i * side + j;
      const [vj, wj, nextJ] = [v[j] as number, w[j] as number, next[j] as number];
      const a = (matrix[at] as number) - (v0 * wj + w0 * vj);
      const b = (matrix[at + side] as number) - (v1 * wj + w1 * vj);
      matrix[at] = a;
      matrix[at + side] = b;
      sum0 += a * nextJ;
      sum1 += b * nextJ;
      product[j] = (product[j] as number) + (a * next0 + b * next1);
    }
    product[i] = (product[i] as number) + sum0;
    product[i + 1] = (product[i + 1] as number) + sum1;
  }
  if (i < side) updateOne(i, i);
}
