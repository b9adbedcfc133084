import { type DType, isFloat } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { cast } from '../unary/cast.ts';
import { iota } from './iota.ts';

/**
 * The numbers `start`, `start + step`, ... that lie before `stop`, as a vector; one number alone is `stop`. They are i32 where
 * all three are whole, else f32, if no dtype is given.
 *
 * @throws LorikeetError `invalid-argument` for a step of 0 and for numbers that are not finite.
 */
export function arange(start: number, stop?: number, step = 1, dtype?: DType): Tensor {
  if (stop === undefined) return arange(0, start, step, dtype);
  const numbers = [start, stop, step];
  if (step === 0 || !numbers.every(Number.isFinite)) {
    throw new LorikeetError(
      'invalid-argument',
      `arange: no range from ${start} to ${stop} by ${step}`,
      {
        expected: 'finite numbers and a step that is not 0',
        received: numbers.join(', '),
      },
    );
  }
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const target = dtype ?? (numbers.every(Number.isInteger) ? 'i32' : 'f32');
  const unit = iota([count], 0, isFloat(target) ? target : 'i32');
  return cast(add(mul(unit, step), start), target);
}
