import { batchedInputs, batchLoop } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { stridesOf } from '../../shape.ts';
import { forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';
import { full } from '../create/full.ts';
import { boxOrigin, dynamicSlice, requireBox, startsBehindBatch } from './dynamicSlice.ts';

export const dynamicUpdateSliceOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'dynamicUpdateSlice',
  infer(inputs) {
    const [x, update, starts] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireBox('dynamicUpdateSlice', x, update.shape, starts);
    if (x.dtype !== update.dtype) {
      throw new LorikeetError(
        'dtype-mismatch',
        `dynamicUpdateSlice: operands are ${x.dtype} and ${update.dtype}`,
        { hint: 'cast one of them' },
      );
    }
    return { shape: x.shape, dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    const [x, update, starts] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    output.data.set(x.data);
    const origin = boxOrigin(x.shape, update.shape, starts.data);
    forEachRow(update.shape, [stridesOf(x.shape)], (row, [start], __, length) => {
      output.data.set(update.data.subarray(row, row + length), origin + (start as number));
    });
  },
  derivative({ inputs, gradient }) {
    const [update, starts] = [operand(inputs, 1), operand(inputs, 2)];
    const hole = full(update.shape, 0, gradient.dtype);
    return [
      dynamicUpdateSlice(gradient, hole, starts),
      dynamicSlice(gradient, starts, update.shape),
      null,
    ];
  },
  batch(args) {
    if (args.isBatched[2] === true) return batchLoop(args);
    const [x, update] = batchedInputs(args) as [Tensor, Tensor];
    return dynamicUpdateSlice(x, update, startsBehindBatch(operand(args.inputs, 2)));
  },
  sample(draw) {
    const shape = draw.shape();
    const sizes = shape.map((side) => draw.integer(0, side));
    const starts = { shape: [shape.length], dtype: 'i32', range: [-1, 4] } as const;
    return { inputs: [{ shape }, { shape: sizes }, starts], attributes: {} };
  },
};

/**
 * `x` with the box that begins at `starts` replaced by `update`: a key-value cache that grows, for one. Starts
 * are known only when it runs; a box that would reach outside is moved inside, as in JAX.
 *
 * @param starts integers, one for each axis.
 * @throws LorikeetError `shape-mismatch` where `update` is larger than `x`.
 */
export function dynamicUpdateSlice(x: Tensor, update: Tensor, starts: Tensor): Tensor {
  return record(dynamicUpdateSliceOp, [x, update, starts], {});
}
