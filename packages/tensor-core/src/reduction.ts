import { LorikeetError } from './errors.ts';
import type { Values } from './op.ts';
import { formatShape, type Shape, stridesOf } from './shape.ts';
import { forEachRow } from './strides.ts';

export type ReductionAttributes = {
  /** Ascending, counted from the start. */
  readonly axes: readonly number[];
  /** Whether reduced axes stay, with length 1. */
  readonly keepAxes: boolean;
};

export interface ReductionOptions {
  /** Whether reduced axes stay, with length 1; NumPy calls it `keepdims`. */
  readonly keepAxes?: boolean;
}

export function reducedShape(shape: Shape, { axes, keepAxes }: ReductionAttributes): number[] {
  if (keepAxes) return shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** Where each axis is in the result of a reduction; `null` for those that are reduced. */
export function unreducedAxes(
  shape: Shape,
  { axes, keepAxes }: ReductionAttributes,
): (number | null)[] {
  return shape.map((_, axis) => {
    if (axes.includes(axis)) return null;
    return keepAxes ? axis : axis - axes.filter((other) => other < axis).length;
  });
}

/** Refuses to reduce over no elements, for ops that have no value then. */
export function requireElements(op: string, shape: Shape, axes: readonly number[]): void {
  if (axes.every((axis) => shape[axis] !== 0)) return;
  throw new LorikeetError('shape-mismatch', `${op}: nothing to reduce in ${formatShape(shape)}`, {
    expected: 'at least one element along each reduced axis',
    received: formatShape(shape),
  });
}

/**
 * Folds `fn` over the reduced axes into `output`, in f64 until the end, so that a long f32 sum does not
 * lose its small terms.
 */
export function reduceInto(
  x: Values,
  axes: readonly number[],
  start: number,
  fn: (total: number, value: number) => number,
  output: Values,
): void {
  const kept = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
  const strides = stridesOf(kept).map((stride, axis) => (kept[axis] === 1 ? 0 : stride));
  const totals = new Float64Array(output.data.length).fill(start);
  forEachRow(x.shape, [strides], (row, [offset], [step], length) => {
    const at = offset as number;
    if (step === 0) {
      let total = totals[at] as number;
      for (let k = 0; k < length; k++) total = fn(total, x.data[row + k] as number);
      totals[at] = total;
    } else {
      for (let k = 0; k < length; k++)
        totals[at + k] = fn(totals[at + k] as number, x.data[row + k] as number);
    }
  });
  output.data.set(totals);
}
