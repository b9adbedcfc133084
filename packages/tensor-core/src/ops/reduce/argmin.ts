import { batchAxis } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { requireElements } from '../../reduction.ts';
import { normalizeAxis, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type ArgminAttributes = { readonly axis: number };

export const argminOp: Primitive<ArgminAttributes> = {
  kind: 'primitive',
  name: 'argmin',
  infer(inputs, { axis }) {
    const { shape } = operand(inputs, 0);
    if (shape.length === 0)
      throw new LorikeetError('shape-mismatch', 'argmin: a scalar has no axis');
    requireElements('argmin', shape, [axis]);
    return { shape: shape.filter((_, other) => other !== axis), dtype: 'i32' };
  },
  evaluate(inputs, { axis }, output) {
    const { data, shape } = operand(inputs, 0);
    const step = stridesOf(shape)[axis] as number;
    const side = shape[axis] as number;
    for (let i = 0; i < output.data.length; i++) {
      const start = Math.floor(i / step) * step * side + (i % step);
      let best = 0;
      for (let k = 1; k < side; k++) {
        const value = data[start + k * step] as number;
        const leader = data[start + best * step] as number;
        if (value < leader || (Number.isNaN(value) && !Number.isNaN(leader))) best = k;
      }
      output.data[i] = best;
    }
  },
  derivative: 'none',
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    return {
      inputs: [{ shape, distinct: true }],
      attributes: { axis: draw.integer(0, shape.length - 1) },
    };
  },
};

/** Index (i32) of the smallest element along `axis`, the first of equals; NaN counts as smallest. The axis goes. */
export function argmin(x: Tensor, axis = -1): Tensor {
  return record(argminOp, [x], { axis: x.rank === 0 ? 0 : normalizeAxis('argmin', axis, x.rank) });
}
