import { LorikeetError } from '../../errors.ts';
import { formatShape, normalizeAxis } from '../../shape.ts';
import { type Tensor, tensor } from '../../tensor.ts';
import { gather } from '../index/gather.ts';
import { broadcastTo } from './broadcastTo.ts';
import { expandDims } from './expandDims.ts';
import { reshape } from './reshape.ts';

/**
 * `x` with each element along `axis` that many times in a row; `counts` is one for all or one for each. Without an axis, in row-major order.
 *
 * @throws LorikeetError `shape-mismatch` where there is not one count for each element.
 */
export function repeat(x: Tensor, counts: number | readonly number[], axis?: number): Tensor {
  if (axis === undefined) return repeat(reshape(x, [x.size]), counts, 0);
  const target = normalizeAxis('repeat', axis, x.rank);
  const side = x.shape[target] ?? 0;
  const list = typeof counts === 'number' ? [counts] : counts;
  const isValid = list.every((count) => Number.isInteger(count) && count >= 0);
  if (!isValid || (typeof counts !== 'number' && counts.length !== side)) {
    throw new LorikeetError(
      'shape-mismatch',
      `repeat: counts ${formatShape(list)} do not fit axis ${target} of ${formatShape(x.shape)}`,
      {
        expected: `one whole number of at least 0, or ${side} of them`,
        received: formatShape(list),
      },
    );
  }
  if (typeof counts !== 'number') {
    const places = counts.flatMap((count, place) => new Array<number>(count).fill(place));
    return gather(x, tensor(places, [places.length], 'i32'), target);
  }
  const before = x.shape.slice(0, target + 1);
  const after = x.shape.slice(target + 1);
  const copies = broadcastTo(expandDims(x, target + 1), [...before, counts, ...after]);
  return reshape(copies, [...before.slice(0, -1), side * counts, ...after]);
}
