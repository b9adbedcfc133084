import { LorikeetError } from '../../errors.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { broadcastTo } from './broadcastTo.ts';
import { reshape } from './reshape.ts';

/**
 * `x` laid out `counts` times along each axis, one copy after the other. Shape and counts are aligned at the
 * last axis, and what is missing of either is 1.
 */
export function tile(x: Tensor, counts: number | readonly number[]): Tensor {
  const times = typeof counts === 'number' ? [counts] : counts;
  if (!times.every((count) => Number.isInteger(count) && count >= 0)) {
    throw new LorikeetError('invalid-argument', `tile: ${formatShape(times)} are no counts`, {
      expected: 'whole numbers of at least 0',
      received: formatShape(times),
    });
  }
  const rank = Math.max(x.rank, times.length);
  const padded = (list: readonly number[]): number[] => [
    ...new Array<number>(rank - list.length).fill(1),
    ...list,
  ];
  const [sides, copies] = [padded(x.shape), padded(times)];
  // Each axis becomes a pair, [copies, side], of which only the first is repeated.
  const pairs = sides.flatMap((side, axis) => [copies[axis] ?? 1, side]);
  const single = sides.flatMap((side) => [1, side]);
  const shape = sides.map((side, axis) => side * (copies[axis] ?? 1));
  return reshape(broadcastTo(reshape(x, single), pairs), shape);
}
