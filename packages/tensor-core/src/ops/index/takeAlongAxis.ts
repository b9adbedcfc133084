import { drawAlongAxis, placesAlong, requireIndicesAlong } from '../../alongAxis.ts';
import { batchAxis } from '../../batching.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxis, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { full } from '../create/full.ts';
import { requireIndex } from './gather.ts';
import { putAlongAxis } from './putAlongAxis.ts';

export type TakeAlongAxisAttributes = { readonly axis: number };

export const takeAlongAxisOp: Primitive<TakeAlongAxisAttributes> = {
  kind: 'primitive',
  name: 'takeAlongAxis',
  infer(inputs, { axis }) {
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    requireIndicesAlong('takeAlongAxis', x, indices, axis);
    return { shape: indices.shape, dtype: x.dtype };
  },
  evaluate(inputs, { axis }, output) {
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    const [side, step] = [x.shape[axis] as number, stridesOf(x.shape)[axis] as number];
    placesAlong(x.shape, indices.shape, axis).forEach((place, i) => {
      const index = requireIndex('takeAlongAxis', indices.data[i] as number, side);
      output.data[i] = x.data[place + index * step] as number;
    });
  },
  derivative({ inputs, gradient, attributes: { axis } }) {
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    const nothing = full(x.shape, 0, gradient.dtype);
    return [putAlongAxis(nothing, indices, gradient, axis, { mode: 'add' }), null];
  },
  batch: batchAxis,
  sample(draw) {
    const { x, indices, axis } = drawAlongAxis(draw);
    return { inputs: [x, indices], attributes: { axis } };
  },
};

/**
 * For each index the element of `x` that has it along `axis`, and the place of the index along the others: with
 * `argsort` it sorts, with the label it picks a logit. PyTorch's `gather`, and NumPy's `take_along_axis`
 * where the other sides are equal.
 *
 * @param indices integers, of the rank of `x` and no longer along the other axes.
 * @returns the shape of `indices`.
 * @throws LorikeetError `index-out-of-range` when it runs.
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  return record(takeAlongAxisOp, [x, indices], {
    axis: normalizeAxis('takeAlongAxis', axis, x.rank),
  });
}
