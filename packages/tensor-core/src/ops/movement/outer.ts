import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { reshape } from './reshape.ts';

/** Every element of `a` times every element of `b`: [elements of a, elements of b]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  return mul(reshape(a, [a.size, 1]), reshape(b, [1, b.size]));
}
