import { requireSquare } from '../../matrices.ts';
import type { Tensor } from '../../tensor.ts';
import { eye } from '../create/eye.ts';
import { solve } from './solve.ts';

/**
 * The inverse of each matrix [..., n, n].
 *
 * @throws LorikeetError `shape-mismatch` if it is not square; `invalid-argument`, when it runs on the reference
 *   backend, if it is singular.
 */
export function inv(x: Tensor): Tensor {
  const { rows } = requireSquare('inv', x.type);
  return solve(x, eye(rows, rows, { dtype: x.dtype }));
}
