import type { AnyOp } from '../../../op.ts';
import { dotOp } from '../../../ops/contraction/dot.ts';
import { argmaxOp } from '../../../ops/reduce/argmax.ts';
import { argminOp } from '../../../ops/reduce/argmin.ts';
import { cumprodOp } from '../../../ops/reduce/cumprod.ts';
import { cumsumOp } from '../../../ops/reduce/cumsum.ts';
import { linearRecurrenceOp } from '../../../ops/reduce/linearRecurrence.ts';
import { maxOp } from '../../../ops/reduce/max.ts';
import { minOp } from '../../../ops/reduce/min.ts';
import { prodOp } from '../../../ops/reduce/prod.ts';
import { sumOp } from '../../../ops/reduce/sum.ts';
import type { Instruction } from '../../../program.ts';
import { isAttention } from './attentionStep.ts';

const reductions = new Set<AnyOp>([sumOp, prodOp, maxOp, minOp, argmaxOp, argminOp]);
const places = new Set<AnyOp>([argmaxOp, argminOp]);
const scans = new Set<AnyOp>([cumsumOp, cumprodOp, linearRecurrenceOp]);

export function isReduction(op: AnyOp): boolean {
  return reductions.has(op);
}

/** Whether it tells where along an axis an element is. */
export function isPlaceOfExtremum(op: AnyOp): boolean {
  return places.has(op);
}

export function isScan(op: AnyOp): boolean {
  return scans.has(op);
}

/** Whether a kernel begins with it. */
export function isAnchor(op: AnyOp): boolean {
  return op === dotOp || isReduction(op) || isScan(op) || isAttention(op);
}

/** The axes that a reduction goes over. */
export function reducedAxes({ op, attributes }: Instruction): readonly number[] {
  return isPlaceOfExtremum(op) ? [Number(attributes.axis)] : (attributes.axes as readonly number[]);
}
