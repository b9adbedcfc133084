import type { Tensor } from '../../tensor.ts';
import { eigh } from './eigh.ts';

/** The eigenvalues of each symmetric matrix [..., n, n], ascending; [..., n]. See `eigh`. */
export function eigvalsh(x: Tensor): Tensor {
  return eigh(x).values;
}
