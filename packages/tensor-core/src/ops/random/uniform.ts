import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { shiftRight } from '../binary/shiftRight.ts';
import { cast } from '../unary/cast.ts';
import { randomBits } from './randomBits.ts';

/**
 * Numbers spread evenly over `min` (included) to `max` (excluded, but that f32 may round to it where it is
 * far from 0 against the span), f32; 24 random bits each.
 */
export function uniform(key: Tensor, shape: Shape, min = 0, max = 1): Tensor {
  const unit = mul(cast(shiftRight(randomBits(key, shape), 8), 'f32'), 2 ** -24);
  return add(mul(unit, max - min), min);
}
