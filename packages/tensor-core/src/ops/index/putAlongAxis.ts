import { drawAlongAxis, placesAlong, requireIndicesAlong } from '../../alongAxis.ts';
import { batchAxis } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, sameShape, stridesOf } from '../../shape.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { formatType } from '../../type.ts';
import { equal } from '../binary/equal.ts';
import { where } from '../binary/where.ts';
import { full } from '../create/full.ts';
import { iota } from '../create/iota.ts';
import { requireIndex } from './gather.ts';
import { takeAlongAxis } from './takeAlongAxis.ts';

export type PutAlongAxisAttributes = { readonly axis: number; readonly mode: 'set' | 'add' };

export interface PutAlongAxisOptions {
  /** Whether the updates replace what was there, which is what happens if not given, or are added to it. */
  readonly mode?: 'set' | 'add';
}

export const putAlongAxisOp: Primitive<PutAlongAxisAttributes> = {
  kind: 'primitive',
  name: 'putAlongAxis',
  infer(inputs, { axis }) {
    const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireIndicesAlong('putAlongAxis', x, indices, axis);
    if (!sameShape(indices.shape, updates.shape) || x.dtype !== updates.dtype) {
      throw new LorikeetError('shape-mismatch', 'putAlongAxis: the updates do not fit', {
        expected: `${x.dtype}${formatShape(indices.shape)}: the shape of the indices`,
        received: formatType(updates),
      });
    }
    return { shape: x.shape, dtype: x.dtype };
  },
  evaluate(inputs, { axis, mode }, output) {
    const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const [side, step] = [x.shape[axis] as number, stridesOf(x.shape)[axis] as number];
    const out = output.data;
    out.set(x.data);
    placesAlong(x.shape, indices.shape, axis).forEach((place, i) => {
      const to = place + requireIndex('putAlongAxis', indices.data[i] as number, side) * step;
      const update = updates.data[i] as number;
      out[to] = mode === 'add' ? (out[to] as number) + update : update;
    });
  },
  derivative({ inputs, gradient, attributes: { axis, mode } }) {
    const [indices, updates] = [operand(inputs, 1), operand(inputs, 2)];
    const taken = takeAlongAxis(gradient, indices, axis);
    if (mode === 'add') return [gradient, null, taken];
    const nothing = full(updates.shape, 0, gradient.dtype);
    // Of indices that meet, the last one put its number there: so it does with their places.
    const places = iota(indices.shape, axis);
    const lasting = putAlongAxis(full(gradient.shape, 0, 'i32'), indices, places, axis);
    const lasts = equal(takeAlongAxis(lasting, indices, axis), places);
    return [putAlongAxis(gradient, indices, nothing, axis), null, where(lasts, taken, nothing)];
  },
  batch: batchAxis,
  sample(draw) {
    const { x, indices, axis } = drawAlongAxis(draw);
    const mode = draw.pick(['set', 'add'] as const);
    return { inputs: [x, indices, { shape: indices.shape }], attributes: { axis, mode } };
  },
};

/**
 * `x` with `updates` at the places that `indices` name along `axis`, as in `takeAlongAxis`. Of updates for one
 * place the last stays; with the mode `'add'` all are added. PyTorch's `scatter` and `scatter_add`.
 *
 * @param updates of the shape of `indices`, or one number for all.
 * @throws LorikeetError `index-out-of-range` when it runs.
 */
export function putAlongAxis(
  x: Tensor,
  indices: Tensor,
  updates: TensorLike,
  axis = -1,
  options: PutAlongAxisOptions = {},
): Tensor {
  const put = typeof updates === 'number' ? full(indices.shape, updates, x.dtype) : updates;
  return record(putAlongAxisOp, [x, indices, put], {
    axis: normalizeAxis('putAlongAxis', axis, x.rank),
    mode: options.mode ?? 'set',
  });
}
