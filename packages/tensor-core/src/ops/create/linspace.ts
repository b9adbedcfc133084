import { type DType, isFloat, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { iota } from './iota.ts';

export interface LinspaceOptions {
  /** Whether `stop` is the last number, which is so if not given, or the one after it. */
  readonly endpoint?: boolean;
  /** f32 if not given. */
  readonly dtype?: DType;
}

/** `count` numbers from `start` to `stop`, equally far apart, as a vector. */
export function linspace(
  start: number,
  stop: number,
  count: number,
  options: LinspaceOptions = {},
): Tensor {
  const { endpoint = true, dtype = 'f32' } = options;
  requireDType('linspace', dtype, isFloat, 'result');
  if (!Number.isInteger(count) || count < 0) {
    throw new LorikeetError('invalid-argument', `linspace: ${count} is no count`, {
      expected: 'a whole number of at least 0',
      received: String(count),
    });
  }
  const part = div(iota([count], 0, dtype), Math.max(1, endpoint ? count - 1 : count));
  // Both ends are exact, unlike those of start + i * step.
  return add(mul(sub(1, part), start), mul(part, stop));
}
