import { placeOfExtremumPrimitive } from '../../extremumReduction.ts';
import type { Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type ArgmaxAttributes = { readonly axis: number };

export const argmaxOp: Primitive<ArgmaxAttributes> = placeOfExtremumPrimitive(
  'argmax',
  (value, leader) => value > leader,
);

/** Index (i32) of the largest element along `axis`, the first of equals; NaN counts as largest. The axis goes. */
export function argmax(x: Tensor, axis = -1): Tensor {
  return record(argmaxOp, [x], { axis: x.rank === 0 ? 0 : normalizeAxis('argmax', axis, x.rank) });
}
