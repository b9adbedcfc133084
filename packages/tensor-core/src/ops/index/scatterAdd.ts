import { batchedInputs, batchLoop } from '../../batching.ts';
import { isInteger, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { gather, requireIndex } from './gather.ts';

export type ScatterAddAttributes = { readonly axis: number };

export const scatterAddOp: Primitive<ScatterAddAttributes> = {
  kind: 'primitive',
  name: 'scatterAdd',
  infer(inputs, { axis }) {
    const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireDType('scatterAdd', indices.dtype, isInteger, 'index');
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    if (!sameShape(shape, updates.shape) || x.dtype !== updates.dtype) {
      throw new LorikeetError('shape-mismatch', 'scatterAdd: the updates do not fit', {
        expected: `${x.dtype}${formatShape(shape)}: the target with axis ${axis} replaced by the shape of the indices`,
        received: `${updates.dtype}${formatShape(updates.shape)}`,
      });
    }
    return x;
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
        const to = (o * side + requireIndex('scatterAdd', indices.data[i] as number, side)) * inner;
        const from = (o * count + i) * inner;
        for (let k = 0; k < inner; k++) {
          output.data[to + k] =
            (output.data[to + k] as number) + (updates.data[from + k] as number);
        }
      }
    }
  },
  derivative({ inputs, gradient, attributes: { axis } }) {
    return [gradient, null, gather(gradient, operand(inputs, 1), axis)];
  },
  batch: (args) => {
    if (args.isBatched[1] === true) return batchLoop(args);
    const [x, , updates] = batchedInputs(args) as [Tensor, Tensor, Tensor];
    return scatterAdd(x, operand(args.inputs, 1), updates, args.attributes.axis + 1);
  },
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    const axis = draw.integer(0, shape.length - 1);
    const indices = draw.shape({ maxRank: 2 });
    const updates = [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)];
    const range: readonly [number, number] = [0, (shape[axis] ?? 1) - 1];
    return {
      inputs: [{ shape }, { shape: indices, dtype: 'i32', range }, { shape: updates }],
      attributes: { axis },
    };
  },
};

/**
 * `x` with `updates` added to its slices at `indices` along `axis`; what is named twice is added twice.
 * The derivative of `gather`.
 */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  return record(scatterAddOp, [x, indices, updates], {
    axis: normalizeAxis('scatterAdd', axis, x.rank),
  });
}
