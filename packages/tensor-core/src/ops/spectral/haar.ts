import { LorikeetError } from '../../errors.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { concat } from '../movement/concat.ts';
import { reshape } from '../movement/reshape.ts';
import { sliceAxis } from '../movement/slice.ts';
import { stack } from '../movement/stack.ts';

/**
 * One level of Haar's wavelets along the last axis: the sums of neighbours over sqrt(2), then their differences. An
 * orthogonal map, whose inverse and transpose is `inverseHaar`.
 *
 * @param x floating point, [..., 2 n].
 * @throws LorikeetError `shape-mismatch` for an odd side.
 */
export function haar(x: Tensor): Tensor {
  const half = halfOf('haar', x);
  const pairs = reshape(x, [...x.shape.slice(0, -1), half, 2]);
  const [even, odd] = [pick(pairs, 0), pick(pairs, 1)];
  return mul(concat([add(even, odd), sub(even, odd)], -1), Math.SQRT1_2);
}

/** The inverse of `haar`: what has the first half of `x` as sums and the second as differences. */
export function inverseHaar(x: Tensor): Tensor {
  const half = halfOf('inverseHaar', x);
  const [sums, differences] = [sliceAxis(x, -1, 0, half), sliceAxis(x, -1, half, half)];
  const pairs = stack([add(sums, differences), sub(sums, differences)], -1); // [..., n, 2]
  return mul(reshape(pairs, x.shape), Math.SQRT1_2);
}

function pick(pairs: Tensor, index: number): Tensor {
  return reshape(sliceAxis(pairs, -1, index, 1), pairs.shape.slice(0, -1));
}

function halfOf(name: string, x: Tensor): number {
  const side = x.shape.at(-1);
  if (side !== undefined && side % 2 === 0) return side / 2;
  throw new LorikeetError('shape-mismatch', `${name}: the last axis must have an even side`, {
    received: formatShape(x.shape),
    hint: 'pad it by one',
  });
}
