import type { Shape } from '../../shape.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { neg } from '../unary/neg.ts';
import { bernoulli } from './bernoulli.ts';
import { exponential } from './exponential.ts';
import { split } from './key.ts';

/** Laplace-distributed numbers, f32: of mean `location` and mean distance `scale` from it, falling off exponentially to both sides. */
export function laplace(
  key: Tensor,
  shape: Shape,
  location: TensorLike = 0,
  scale: TensorLike = 1,
): Tensor {
  const [signKey = key, distanceKey = key] = split(key);
  const distance = exponential(distanceKey, shape);
  const unit = where(bernoulli(signKey, shape, 0.5), distance, neg(distance));
  return add(mul(unit, scale), location);
}
