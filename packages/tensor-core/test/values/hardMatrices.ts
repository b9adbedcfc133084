import {
  matmul,
  normal,
  qr,
  randomKey,
  swapAxes,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';

/** Numbers of a normal distribution, f64. */
export function noise(shape: readonly number[], seed = 1): Tensor {
  return normal(randomKey(seed), shape).cast('f64');
}

/** [rows, columns], f64. */
export function matrixOf(
  rows: number,
  columns: number,
  element: (row: number, column: number) => number,
): Tensor {
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < data.length; i++) data[i] = element(Math.floor(i / columns), i % columns);
  return tensor(data, [rows, columns], 'f64');
}

export function diagonalOf(side: number, element: (index: number) => number): Tensor {
  return matrixOf(side, side, (i, j) => (i === j ? element(i) : 0));
}

export function bidiagonalOf(diagonal: readonly number[], beside: readonly number[]): Tensor {
  return matrixOf(diagonal.length, diagonal.length, (i, j) =>
    i === j ? (diagonal[i] ?? 0) : j === i + 1 ? (beside[i] ?? 0) : 0,
  );
}

/** A full matrix with these singular values. */
export function withSingularValues(values: readonly number[]): Tensor {
  const side = values.length;
  const middle = diagonalOf(side, (i) => values[i] ?? 0);
  return matmul(matmul(rotation(side, 3), middle), rotation(side, 4));
}

/** A full symmetric matrix with these eigenvalues. */
export function withEigenvalues(values: readonly number[]): Tensor {
  const q = rotation(values.length, 5);
  return matmul(
    matmul(
      q,
      diagonalOf(values.length, (i) => values[i] ?? 0),
    ),
    swapAxes(q),
  );
}

export const spread = (count: number, value: (index: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => value(i));

/** W. Kahan's: its smallest singular value is far below its smallest diagonal element. */
export function kahan(side: number): Tensor {
  const [sine, cosine] = [Math.sin(1.2), Math.cos(1.2)];
  return matrixOf(side, side, (i, j) => (j < i ? 0 : j === i ? 1 : -cosine) * sine ** i);
}

/** J. Wilkinson's: eigenvalues in pairs that agree to the last digits. */
export function wilkinson(side: number): Tensor {
  const middle = (side - 1) / 2;
  return matrixOf(side, side, (i, j) =>
    i === j ? Math.abs(i - middle) : Math.abs(i - j) === 1 ? 1 : 0,
  );
}

function rotation(side: number, seed: number): Tensor {
  return qr(noise([side, side], seed)).q;
}
