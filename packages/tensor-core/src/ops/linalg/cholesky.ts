import { CholeskyDecomposition } from 'ml-matrix';
import { LorikeetError } from '../../errors.ts';
import { batchStack, mapMatrices, requireSquare, sampleSquare, symmetric } from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { matmul } from '../contraction/matmul.ts';
import { eye } from '../create/eye.ts';
import { swapAxes } from '../movement/permute.ts';
import { tril } from '../movement/tril.ts';
import { triangularSolve } from './triangularSolve.ts';

export const choleskyOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'cholesky',
  infer(inputs) {
    const x = operand(inputs, 0);
    requireSquare('cholesky', x);
    return x;
  },
  evaluate(inputs, _, output) {
    mapMatrices(operand(inputs, 0), output.data, (matrix) => {
      const mean = matrix.clone().add(matrix.transpose()).mul(0.5);
      const found = new CholeskyDecomposition(mean);
      if (found.isPositiveDefinite()) return [found.lowerTriangularMatrix.to1DArray()];
      throw new LorikeetError('invalid-argument', 'cholesky: a matrix is not positive definite', {
        expected: 'eigenvalues above 0',
        hint: 'add a small multiple of the identity',
      });
    });
  },
  // I. Murray, "Differentiation of the Cholesky decomposition", 2016.
  derivative({ output: l, gradient }) {
    const inner = matmul(swapAxes(l), gradient);
    const side = l.shape.at(-1) ?? 0;
    const half = sub(tril(inner), mul(inner, mul(eye(side, side, { dtype: l.dtype }), 0.5)));
    const left = triangularSolve(l, half, { transposed: true });
    const both = swapAxes(triangularSolve(l, swapAxes(left), { transposed: true }));
    return [symmetric(both)];
  },
  batch: batchStack,
  sample: (draw) => ({ inputs: [sampleSquare(draw)], attributes: {} }),
};

/**
 * The lower triangular `l` with `x = l l^T`, for each matrix; of the mean of `x` and its transpose, so that the
 * derivative is symmetric.
 *
 * @param x [..., n, n], floating point and positive definite.
 * @throws LorikeetError `shape-mismatch` if it is not square; `invalid-argument`, when it runs on the reference
 *   backend, if it is not positive definite.
 */
export function cholesky(x: Tensor): Tensor {
  return record(choleskyOp, [x], {});
}
