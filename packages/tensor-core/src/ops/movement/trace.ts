import type { Tensor } from '../../tensor.ts';
import { sum } from '../reduce/sum.ts';
import { type DiagonalOptions, diagonal } from './diagonal.ts';

/** The sum of the elements of `x` on a diagonal of two axes, the first two if not given. */
export function trace(x: Tensor, options: DiagonalOptions = {}): Tensor {
  return sum(diagonal(x, options), -1);
}
