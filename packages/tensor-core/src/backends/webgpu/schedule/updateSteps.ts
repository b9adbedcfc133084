import type { Primitive } from '../../../op.ts';
import { deviceStep } from './deviceStep.ts';

/** Indices (i32), none of which lies outside of an axis; one that does is a fault of the op named. */
export type CheckedIndicesAttributes = { readonly op: string; readonly side: number };
export const checkedIndicesOp: Primitive<CheckedIndicesAttributes> =
  deviceStep<CheckedIndicesAttributes>('checkedIndices');

/**
 * For each place on an axis where in an order of the indices those that name it begin, or end. The operands are the
 * indices and their order, along `axis`.
 */
export type IndexRunsAttributes = { readonly axis: number; readonly isEnd: boolean };
export const indexRunsOp: Primitive<IndexRunsAttributes> =
  deviceStep<IndexRunsAttributes>('indexRuns');

/**
 * A tensor with updates at indices along an axis. The operands are the tensor, the updates, the indices, their order,
 * and where each place's begin in the order (of sums), or end (of which the last update stays).
 */
export type SortedUpdatesAttributes = {
  readonly axis: number;
  readonly isSum: boolean;
  /** Of indices of whole slices: their shape before they were put in one line. */
  readonly slices: readonly number[] | null;
};
export const sortedUpdatesOp: Primitive<SortedUpdatesAttributes> =
  deviceStep<SortedUpdatesAttributes>('sortedUpdates');
