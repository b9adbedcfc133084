import { LorikeetError } from '../../errors.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { cast } from '../unary/cast.ts';
import { randomBits } from './randomBits.ts';

/**
 * Whole numbers from `min` (included) to `max` (excluded), i32, each equally likely to within one part in
 * 2^32 / (max - min).
 */
export function randint(key: Tensor, shape: Shape, min: number, max: number): Tensor {
  const fits = [min, max - 1].every(
    (end) => Number.isInteger(end) && Math.abs(end + 0.5) < 2 ** 31,
  );
  if (!fits || max <= min || max - min >= 2 ** 32) {
    throw new LorikeetError('invalid-argument', `randint: no number from ${min} to below ${max}`, {
      expected: 'whole numbers that i32 can hold, the first below the second',
      received: `${min}, ${max}`,
    });
  }
  const bits = randomBits(key, shape);
  const span = max - min;
  const remainder = sub(bits, mul(div(bits, span), span));
  return add(cast(remainder, 'i32'), min);
}
