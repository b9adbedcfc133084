import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { cos } from '../unary/cos.ts';
import { log } from '../unary/log.ts';
import { sqrt } from '../unary/sqrt.ts';
import { split } from './key.ts';
import { uniform } from './uniform.ts';

/** Normally distributed numbers of the given mean and standard deviation, f32 (Box and Muller 1958). */
export function normal(key: Tensor, shape: Shape, mean = 0, deviation = 1): Tensor {
  const [radiusKey = key, angleKey = key] = split(key);
  const radius = sqrt(mul(log(sub(1, uniform(radiusKey, shape))), -2));
  const angle = uniform(angleKey, shape, 0, 2 * Math.PI);
  return add(mul(mul(radius, cos(angle)), deviation), mean);
}
