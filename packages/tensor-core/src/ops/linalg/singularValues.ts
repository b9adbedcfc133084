import type { Tensor } from '../../tensor.ts';
import { svd } from './svd.ts';

/** The singular values of each matrix [..., m, n], descending; [..., min(m, n)]. */
export function singularValues(x: Tensor): Tensor {
  return svd(x).s;
}
