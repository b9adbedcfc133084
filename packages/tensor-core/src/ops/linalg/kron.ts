import { promoteOperands } from '../../elementwise.ts';
import { requireMatrices } from '../../matrices.ts';
import { broadcastShapes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { reshape } from '../movement/reshape.ts';

/**
 * The Kronecker product of matrices: `b` times each element of `a`, at its place.
 *
 * @param a [..., m, n], as is `b` [..., p, q]; leading axes broadcast.
 * @returns [..., m p, n q]
 * @throws LorikeetError `shape-mismatch` for fewer than two axes.
 */
export function kron(a: Tensor, b: Tensor): Tensor {
  const [x, y] = promoteOperands(a, b);
  const [left, right] = [requireMatrices('kron', x.type), requireMatrices('kron', y.type)];
  const batch = broadcastShapes('kron', left.batch, right.batch);
  const product = mul(
    reshape(x, [...left.batch, left.rows, 1, left.columns, 1]),
    reshape(y, [...right.batch, 1, right.rows, 1, right.columns]),
  );
  return reshape(product, [...batch, left.rows * right.rows, left.columns * right.columns]);
}
