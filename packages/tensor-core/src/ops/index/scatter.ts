import { batchedInputs, batchLoop } from '../../batching.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { forEachUpdate, inferScatter, sampleScatter } from '../../scatterUpdates.ts';
import { normalizeAxis, type Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { equal } from '../binary/equal.ts';
import { where } from '../binary/where.ts';
import { full } from '../create/full.ts';
import { iota } from '../create/iota.ts';
import { reshape } from '../movement/reshape.ts';
import { gather } from './gather.ts';

export type ScatterAttributes = { readonly axis: number };

export const scatterOp: Primitive<ScatterAttributes> = {
  kind: 'primitive',
  name: 'scatter',
  infer: (inputs, { axis }) => inferScatter('scatter', inputs, axis),
  evaluate(inputs, { axis }, output) {
    const [x, updates] = [operand(inputs, 0), operand(inputs, 2)];
    output.data.set(x.data);
    forEachUpdate('scatter', inputs, axis, (from, to, length) => {
      output.data.set(updates.data.subarray(from, from + length), to);
    });
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
  sample: sampleScatter,
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
 * @throws LorikeetError `index-out-of-range` when it runs.
 */
export function scatter(x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  return record(scatterOp, [x, indices, updates], {
    axis: normalizeAxis('scatter', axis, x.rank),
  });
}
