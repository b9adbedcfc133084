import type { Shape } from '../../shape.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { maximum } from '../binary/maximum.ts';
import { mul } from '../binary/mul.ts';
import { log } from '../unary/log.ts';
import { neg } from '../unary/neg.ts';
import { uniform } from './uniform.ts';

/** Gumbel-distributed numbers, f32: the limit of how the largest of many are spread, with the mode `location`. */
export function gumbel(
  key: Tensor,
  shape: Shape,
  location: TensorLike = 0,
  scale: TensorLike = 1,
): Tensor {
  // 0 would give minus infinity; it stands for all that is nearer to it than to 2^-24.
  const unit = maximum(uniform(key, shape), 2 ** -25);
  return add(mul(neg(log(neg(log(unit)))), scale), location);
}
