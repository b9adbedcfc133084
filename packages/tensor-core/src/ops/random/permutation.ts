import { LorikeetError } from '../../errors.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { gather } from '../index/gather.ts';
import { argsort } from '../sort/argsort.ts';
import { randomBits } from './randomBits.ts';

/** The numbers 0 to `x - 1` (i32) in random order, or the slices of a tensor along `axis`. */
export function permutation(key: Tensor, x: number | Tensor, axis = 0): Tensor {
  if (typeof x !== 'number') {
    const target = normalizeAxis('permutation', axis, x.rank);
    return gather(x, permutation(key, x.shape[target] ?? 0), target);
  }
  if (!Number.isInteger(x) || x < 0) {
    throw new LorikeetError('invalid-argument', `permutation: ${x} is no count`, {
      expected: 'a whole number of at least 0, or a tensor',
      received: String(x),
    });
  }
  return argsort(randomBits(key, [x]));
}
