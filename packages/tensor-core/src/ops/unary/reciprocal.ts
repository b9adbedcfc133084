import type { Tensor, TensorLike } from '../../tensor.ts';
import { div } from '../binary/div.ts';

/** `1 / x`. Elementwise. */
export function reciprocal(x: TensorLike): Tensor {
  return div(1, x);
}
