import type { Primitive } from '../../../op.ts';
import { deviceStep } from './deviceStep.ts';

/** What both steps of a sort along an axis have. */
type SortStepAttributes = {
  readonly axis: number;
  readonly descending: boolean;
  /** How many elements of a line each run is made of; the last run may have fewer. */
  readonly span: number;
  /** How many of those each run tells, the first in order. */
  readonly width: number;
};

/**
 * Of each block of `span` elements of a line of the operand, where in the line its first `width` in order are. Runs lie
 * one behind the other along the axis.
 */
export type SortBlocksAttributes = SortStepAttributes;
export const sortBlocksOp: Primitive<SortBlocksAttributes> =
  deviceStep<SortBlocksAttributes>('sortBlocks');

/** Of each two runs, made of `span` elements and `width` long, one of `merged`. The operands are the elements and the runs. */
export type MergeRunsAttributes = SortStepAttributes & { readonly merged: number };
export const mergeRunsOp: Primitive<MergeRunsAttributes> =
  deviceStep<MergeRunsAttributes>('mergeRuns');
