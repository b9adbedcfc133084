import { LorikeetError } from '../../errors.ts';
import { inverseErf } from '../../inverseErf.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { maximum } from '../binary/maximum.ts';
import { minimum } from '../binary/minimum.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { full } from '../create/full.ts';
import { erf } from '../unary/erf.ts';
import { uniform } from './uniform.ts';

/**
 * Normally distributed numbers without those beyond bounds, f32: what initialisers call a truncated normal.
 *
 * @param low, high the bounds, in deviations from the mean.
 * @param mean, deviation of the distribution before it was cut.
 */
export function truncatedNormal(
  key: Tensor,
  shape: Shape,
  low = -2,
  high = 2,
  mean: TensorLike = 0,
  deviation: TensorLike = 1,
): Tensor {
  if (!(low < high)) {
    throw new LorikeetError('invalid-argument', `truncatedNormal: nothing from ${low} to ${high}`, {
      expected: 'a lower bound below the upper one',
      received: `${low}, ${high}`,
    });
  }
  const first = erf(full([], low * Math.SQRT1_2));
  const last = erf(full([], high * Math.SQRT1_2));
  const share = add(mul(uniform(key, shape), sub(last, first)), first);
  // Keeps clear of -1 and 1, where the inverse is infinite.
  const inside = minimum(maximum(share, 2 ** -24 - 1), 1 - 2 ** -24);
  const unit = minimum(maximum(mul(inverseErf(inside), Math.SQRT2), low), high);
  return add(mul(unit, deviation), mean);
}
