import { batchLoop } from '../../batching.ts';
import { isInteger, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxis, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { full } from '../create/full.ts';
import { moveAxis } from '../movement/moveAxis.ts';
import { scatterAdd } from './scatterAdd.ts';

export type GatherAttributes = { readonly axis: number };

export const gatherOp: Primitive<GatherAttributes> = {
  kind: 'primitive',
  name: 'gather',
  infer(inputs, { axis }) {
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    requireDType('gather', indices.dtype, isInteger, 'index');
    return {
      shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
      dtype: x.dtype,
    };
  },
  evaluate(inputs, { axis }, output) {
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    const outer = sizeOf(x.shape.slice(0, axis));
    const inner = sizeOf(x.shape.slice(axis + 1));
    const side = x.shape[axis] as number;
    const count = indices.data.length;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        const index = requireIndex('gather', indices.data[i] as number, side);
        const from = (o * side + index) * inner;
        output.data.set(x.data.subarray(from, from + inner), (o * count + i) * inner);
      }
    }
  },
  derivative({ inputs, gradient, attributes: { axis } }) {
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    return [scatterAdd(full(x.shape, 0, x.dtype), indices, gradient, axis), null];
  },
  batch: (args) => {
    const { inputs, isBatched } = args;
    const { axis } = args.attributes;
    const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
    if (isBatched[1] !== true) return gather(x, indices, axis + 1);
    if (isBatched[0] !== true) return moveAxis(gather(x, indices, axis), axis, 0);
    return batchLoop(args);
  },
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    const axis = draw.integer(0, shape.length - 1);
    const range: readonly [number, number] = [0, (shape[axis] ?? 1) - 1];
    return {
      inputs: [{ shape }, { shape: draw.shape({ maxRank: 2 }), dtype: 'i32', range }],
      attributes: { axis },
    };
  },
};

/**
 * The slices of `x` at `indices` along `axis`: rows of an embedding table, for one.
 *
 * @param indices integers of any shape, from 0 to the side of the axis.
 * @returns the shape of `x` with the axis replaced by the shape of `indices`.
 * @throws LorikeetError `index-out-of-range` when it runs.
 */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  return record(gatherOp, [x, indices], { axis: normalizeAxis('gather', axis, x.rank) });
}

/** `index` if it lies from 0 to `side - 1`. Throws `index-out-of-range`, naming the op. */
export function requireIndex(op: string, index: number, side: number): number {
  if (index >= 0 && index < side) return index;
  throw indexOutOfRange(op, index, side);
}

/** The error that every backend gives for an index outside of an axis. */
export function indexOutOfRange(
  op: string,
  index: number,
  side: number,
  path?: string,
): LorikeetError {
  return new LorikeetError(
    'index-out-of-range',
    `${op}: index ${index} is outside an axis of length ${side}`,
    {
      path,
      expected: `0 to ${side - 1}`,
      received: String(index),
      hint: 'token ids must be below the vocabulary size, positions below the longest sequence of the model',
    },
  );
}
