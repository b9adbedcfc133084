import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { concat } from './concat.ts';
import { reshape } from './reshape.ts';
import { sliceAxis } from './slice.ts';

/** `x` with its elements moved `shift` places on along `axis`; those that leave at one end come back at the other. Without an axis, in row-major order. */
export function roll(x: Tensor, shift: number, axis?: number): Tensor {
  if (axis === undefined) return reshape(roll(reshape(x, [x.size]), shift, 0), x.shape);
  const target = normalizeAxis('roll', axis, x.rank);
  const side = x.shape[target] ?? 0;
  const first = side === 0 ? 0 : ((shift % side) + side) % side;
  if (first === 0) return x;
  const [head, tail] = [
    sliceAxis(x, target, 0, side - first),
    sliceAxis(x, target, side - first, first),
  ];
  return concat([tail, head], target);
}
