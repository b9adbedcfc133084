import type { Shape } from '../../shape.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { log } from '../unary/log.ts';
import { neg } from '../unary/neg.ts';
import { uniform } from './uniform.ts';

/** Exponentially distributed numbers of mean `scale`, f32. */
export function exponential(key: Tensor, shape: Shape, scale: TensorLike = 1): Tensor {
  return mul(neg(log(sub(1, uniform(key, shape)))), scale);
}
