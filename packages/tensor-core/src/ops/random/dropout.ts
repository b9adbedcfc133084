import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { bernoulli } from './bernoulli.ts';

/**
 * `x` with each element set to 0 with probability `rate`, and the others scaled by 1 / (1 - rate) so that
 * the mean stays. Srivastava et al. 2014.
 */
export function dropout(x: Tensor, rate: number, key: Tensor): Tensor {
  if (rate === 0) return x;
  if (rate === 1) return mul(x, 0);
  return where(bernoulli(key, x.shape, 1 - rate), mul(x, 1 / (1 - rate)), 0);
}
