import { placeOfExtremumPrimitive } from '../../extremumReduction.ts';
import type { Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type ArgminAttributes = { readonly axis: number };

export const argminOp: Primitive<ArgminAttributes> = placeOfExtremumPrimitive(
  'argmin',
  (value, leader) => value < leader,
);

/** Index (i32) of the smallest element along `axis`, the first of equals; NaN counts as smallest. The axis goes. */
export function argmin(x: Tensor, axis = -1): Tensor {
  return record(argminOp, [x], { axis: x.rank === 0 ? 0 : normalizeAxis('argmin', axis, x.rank) });
}
