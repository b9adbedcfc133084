import { LorikeetError } from '../../errors.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { less } from '../binary/less.ts';
import { where } from '../binary/where.ts';
import { full } from '../create/full.ts';
import { iota } from '../create/iota.ts';

/** `x` with zeros below a diagonal of its last two axes, which `diagonal` counts from the main one upwards. */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return where(isBelow('triu', x, diagonal), full([], 0, x.dtype), x);
}

/** Of each place of the last two axes whether it lies below the diagonal; bool[rows, columns]. */
export function isBelow(op: string, x: Tensor, diagonal: number): Tensor {
  if (x.rank < 2) {
    throw new LorikeetError('shape-mismatch', `${op}: ${formatShape(x.shape)} is no matrix`, {
      expected: 'at least two axes',
      received: formatShape(x.shape),
    });
  }
  const sides = x.shape.slice(-2);
  return less(iota(sides, 1), add(iota(sides, 0), diagonal));
}
