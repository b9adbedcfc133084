import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';

/** `x * x`. Elementwise. */
export function square(x: TensorLike): Tensor {
  return mul(x, x);
}
