import type { Tensor } from '../../tensor.ts';
import { where } from '../binary/where.ts';
import { full } from '../create/full.ts';
import { isBelow } from './triu.ts';

/** `x` with zeros above a diagonal of its last two axes, which `diagonal` counts from the main one upwards. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return where(isBelow('tril', x, diagonal + 1), x, full([], 0, x.dtype));
}
