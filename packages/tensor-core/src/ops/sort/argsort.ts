import { batchAxis } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import { forEachLine } from '../../lines.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type ArgsortAttributes = { readonly axis: number; readonly descending: boolean };

export interface SortOptions {
  /** The last axis if not given. */
  readonly axis?: number;
  /** Whether the largest comes first; false if not given. */
  readonly descending?: boolean;
}

export const argsortOp: Primitive<ArgsortAttributes> = {
  kind: 'primitive',
  name: 'argsort',
  infer(inputs) {
    const { shape } = operand(inputs, 0);
    if (shape.length === 0)
      throw new LorikeetError('shape-mismatch', 'argsort: a scalar has no axis');
    return { shape, dtype: 'i32' };
  },
  evaluate(inputs, { axis, descending }, output) {
    const { data, shape } = operand(inputs, 0);
    forEachLine(shape, axis, (start, step, length) => {
      const values = Array.from({ length }, (_, k) => data[start + k * step] as number);
      const order = Array.from({ length }, (_, k) => k);
      // JavaScript's sort is stable.
      order.sort((i, j) => {
        const difference = compare(values[i] as number, values[j] as number);
        return descending ? -difference : difference;
      });
      for (let k = 0; k < length; k++) output.data[start + k * step] = order[k] as number;
    });
  },
  derivative: 'none',
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1 });
    const attributes = { axis: draw.integer(0, shape.length - 1), descending: draw.boolean() };
    return { inputs: [{ shape, distinct: true }], attributes };
  },
};

/** NaN counts as largest. */
function compare(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** Indices (i32) that put `x` in order along an axis. Equals keep theirs; NaN counts as largest, so that it comes last, or first if `descending`. */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  const { axis = -1, descending = false } = options;
  return record(argsortOp, [x], {
    axis: x.rank === 0 ? 0 : normalizeAxis('argsort', axis, x.rank),
    descending,
  });
}
