import { batchLoop } from '../../batching.ts';
import { isInteger, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, type Shape, sameShape, stridesOf } from '../../shape.ts';
import { forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';
import { full } from '../create/full.ts';
import { concat } from './concat.ts';
import { dynamicUpdateSlice } from './dynamicUpdateSlice.ts';

export type DynamicSliceAttributes = { readonly sizes: Shape };

export const dynamicSliceOp: Primitive<DynamicSliceAttributes> = {
  kind: 'primitive',
  name: 'dynamicSlice',
  infer(inputs, { sizes }) {
    const [x, starts] = [operand(inputs, 0), operand(inputs, 1)];
    requireBox('dynamicSlice', x, sizes, starts);
    return { shape: sizes, dtype: x.dtype };
  },
  evaluate(inputs, { sizes }, output) {
    const [x, starts] = [operand(inputs, 0), operand(inputs, 1)];
    const strides = stridesOf(x.shape);
    const origin = boxOrigin(x.shape, sizes, starts.data);
    forEachRow(sizes, [strides], (row, [start], _, length) => {
      const from = origin + (start as number);
      output.data.set(x.data.subarray(from, from + length), row);
    });
  },
  derivative({ inputs, gradient }) {
    const [x, starts] = [operand(inputs, 0), operand(inputs, 1)];
    return [dynamicUpdateSlice(full(x.shape, 0, gradient.dtype), gradient, starts), null];
  },
  batch(args) {
    const [x, starts] = [operand(args.inputs, 0), operand(args.inputs, 1)];
    if (args.isBatched[1] === true) return batchLoop(args);
    return dynamicSlice(x, startsBehindBatch(starts), [args.size, ...args.attributes.sizes]);
  },
  sample(draw) {
    const shape = draw.shape();
    const sizes = shape.map((side) => draw.integer(0, side));
    return {
      inputs: [{ shape }, { shape: [shape.length], dtype: 'i32', range: [-1, 4] }],
      attributes: { sizes },
    };
  },
};

/**
 * The box of `sizes` elements of `x` that begins at `starts`, which are known only when it runs. A box that
 * would reach outside is moved inside, as in JAX.
 *
 * @param starts integers, one for each axis.
 * @throws LorikeetError `shape-mismatch` where a size is larger than the side.
 */
export function dynamicSlice(x: Tensor, starts: Tensor, sizes: Shape): Tensor {
  return record(dynamicSliceOp, [x, starts], { sizes });
}

/** Refuses a box that has no place in `x`, and starts that are not one integer for each axis. */
export function requireBox(op: string, x: TensorType, sizes: Shape, starts: TensorType): void {
  requireDType(op, starts.dtype, isInteger, 'starts');
  const { shape } = x;
  const fits =
    sizes.length === shape.length &&
    sizes.every((size, axis) => Number.isInteger(size) && size >= 0 && size <= (shape[axis] ?? 0));
  if (!fits) {
    throw new LorikeetError(
      'shape-mismatch',
      `${op}: a box of ${formatShape(sizes)} does not lie in ${formatShape(shape)}`,
      { expected: 'a size for each axis, none larger than the side', received: formatShape(sizes) },
    );
  }
  if (sameShape(starts.shape, [shape.length])) return;
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: starts of shape ${formatShape(starts.shape)} do not fit ${formatShape(shape)}`,
    { expected: `[${shape.length}]: one for each axis`, received: formatShape(starts.shape) },
  );
}

/** Place of the first element of a box in `shape`, row-major. */
export function boxOrigin(shape: Shape, sizes: Shape, starts: ArrayLike<number>): number {
  const strides = stridesOf(shape);
  return sizes.reduce((sum, size, axis) => {
    const last = (shape[axis] as number) - size;
    const start = Math.min(Math.max(starts[axis] as number, 0), last);
    return sum + start * (strides[axis] as number);
  }, 0);
}

/** Starts for a tensor with a batch axis, of which the whole is taken. */
export function startsBehindBatch(starts: Tensor): Tensor {
  return concat([full([1], 0, starts.dtype), starts]);
}
