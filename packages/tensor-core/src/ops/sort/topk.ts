import { batchAxis } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { takeAlongAxis } from '../index/takeAlongAxis.ts';
import { sliceAxis } from '../movement/slice.ts';
import { argsort } from './argsort.ts';

export type TopkAttributes = {
  readonly axis: number;
  readonly count: number;
  readonly largest: boolean;
};

/** Where the elements are: a backend that finds a few without sorting all has less to do. */
export const topkOp: Composite<TopkAttributes> = {
  kind: 'composite',
  name: 'topk',
  body: (inputs, { axis, count, largest }) =>
    sliceAxis(argsort(operand(inputs, 0), { axis, descending: largest }), axis, 0, count),
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    const axis = draw.integer(0, shape.length - 1);
    const attributes = {
      axis,
      count: draw.integer(0, shape[axis] ?? 1),
      largest: draw.boolean(),
    };
    return { inputs: [{ shape, distinct: true }], attributes };
  },
};

export interface TopkOptions {
  /** The last axis if not given. */
  readonly axis?: number;
  /** Whether the largest are wanted, which is so if not given, or the smallest. */
  readonly largest?: boolean;
}

export interface Topk {
  readonly values: Tensor;
  /** Where along the axis each value was, i32. */
  readonly indices: Tensor;
}

/**
 * The `k` largest elements of `x` along an axis, or the smallest, in order; of equals the first. NaN counts as largest.
 *
 * @throws LorikeetError `shape-mismatch` if there are fewer than `k`.
 */
export function topk(x: Tensor, k: number, options: TopkOptions = {}): Topk {
  const { axis = -1, largest = true } = options;
  const target = normalizeAxis('topk', axis, x.rank);
  const side = x.shape[target] ?? 0;
  if (!Number.isInteger(k) || k < 0 || k > side) {
    throw new LorikeetError(
      'shape-mismatch',
      `topk: axis ${target} of ${formatShape(x.shape)} has no ${k} elements`,
      { expected: `a whole number from 0 to ${side}`, received: String(k) },
    );
  }
  const indices = record(topkOp, [x], { axis: target, count: k, largest });
  return { values: takeAlongAxis(x, indices, target), indices };
}
