import { batchedInputs, batchLoop } from '../../batching.ts';
import { isInteger, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { formatType } from '../../type.ts';
import { equal } from '../binary/equal.ts';
import { where } from '../binary/where.ts';
import { full } from '../create/full.ts';
import { iota } from '../create/iota.ts';
import { reshape } from '../movement/reshape.ts';
import { gather, requireIndex } from './gather.ts';
import { scatterAddOp } from './scatterAdd.ts';

export type ScatterAttributes = { readonly axis: number };

export const scatterOp: Primitive<ScatterAttributes> = {
  kind: 'primitive',
  name: 'scatter',
  infer(inputs, { axis }) {
    const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireDType('scatter', indices.dtype, isInteger, 'index');
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    if (!sameShape(shape, updates.shape) || x.dtype !== updates.dtype) {
      throw new LorikeetError('shape-mismatch', 'scatter: the updates do not fit', {
        expected: `${x.dtype}${formatShape(shape)}: the target with axis ${axis} replaced by the shape of the indices`,
        received: formatType(updates),
      });
    }
    return { shape: x.shape, dtype: x.dtype };
  },
  evaluate(inputs, { axis }, output) {
    const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const outer = sizeOf(x.shape.slice(0, axis));
    const inner = sizeOf(x.shape.slice(axis + 1));
    const side = x.shape[axis] as number;
    const count = indices.data.length;
    output.data.set(x.data);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        const to = (o * side + requireIndex('scatter', indices.data[i] as number, side)) * inner;
        const from = (o * count + i) * inner;
        output.data.set(updates.data.subarray(from, from + inner), to);
      }
    }
  },
  derivative({ inputs, gradient, attributes: { axis } }) {
    const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const nothing = full(updates.shape, 0, gradient.dtype);
    const lasts = lastOfEquals(indices, x.shape[axis] as number);
    const inner = x.shape.slice(axis + 1).map(() => 1);
    const byUpdates = where(
      reshape(lasts, [...indices.shape, ...inner]),
      gather(gradient, indices, axis),
      nothing,
    );
    return [scatter(gradient, indices, nothing, axis), null, byUpdates];
  },
  batch: (args) => {
    if (args.isBatched[1] === true) return batchLoop(args);
    const [x, , updates] = batchedInputs(args) as [Tensor, Tensor, Tensor];
    return scatter(x, operand(args.inputs, 1), updates, args.attributes.axis + 1);
  },
  sample: (draw) => scatterAddOp.sample(draw),
};

/** Whether no index behind it in row-major order is equal, so that its update is the one that stays. */
function lastOfEquals(indices: Tensor, side: number): Tensor {
  const shape: Shape = [indices.size];
  const flat = reshape(indices, shape);
  const places = iota(shape);
  const lasting = scatter(full([side], 0, 'i32'), flat, places);
  return reshape(equal(gather(lasting, flat), places), indices.shape);
}

/**
 * `x` with its slices at `indices` along `axis` replaced by `updates`. Of updates for one index the last in
 * row-major order stays, whatever the backend.
 *
 * @param updates the shape of `x` with the axis replaced by the shape of `indices`.
 * @throws LorikeetError `index-out-of-range` when it runs on the reference backend.
 */
export function scatter(x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  return record(scatterOp, [x, indices, updates], {
    axis: normalizeAxis('scatter', axis, x.rank),
  });
}
