import type { AnyOp } from '../../../op.ts';
import { dotOp } from '../../../ops/contraction/dot.ts';
import { randomBitsOp } from '../../../ops/random/randomBits.ts';
import type { Instruction } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import { isView } from '../codegen/inlineRules.ts';
import { updateRules } from '../codegen/updateRules.ts';
import type { Tiling } from '../emit/kernelText.ts';
import { isAttention } from './attentionStep.ts';
import { isUnpackedInPlace } from './packedOperand.ts';
import type { ProgramValues } from './programValues.ts';
import { mergeRunsOp, sortBlocksOp } from './sortSteps.ts';
import { checkedIndicesOp, indexRunsOp, sortedUpdatesOp } from './updateSteps.ts';

const dear: Readonly<Record<string, number>> = {
  exp: 4,
  expm1: 6,
  log: 4,
  log1p: 6,
  tanh: 8,
  erf: 10,
  sin: 8,
  cos: 8,
  tan: 16,
  pow: 12,
  atan2: 12,
  sqrt: 2,
  rsqrt: 2,
  div: 2,
  mod: 4,
  gather: 2,
  takeAlongAxis: 2,
  putAlongAxis: 4,
  pad: 2,
  concat: 2,
  dynamicUpdateSlice: 3,
  randomBits: 80,
};

const dearSteps = new Set<AnyOp>([
  randomBitsOp,
  mergeRunsOp,
  checkedIndicesOp,
  indexRunsOp,
  sortedUpdatesOp,
]);

/** What reads each element of an operand again and again. */
const manyTimes = new Set<AnyOp>([dotOp, sortBlocksOp, mergeRunsOp]);

/** About how many steps one element takes beyond those of its operands. */
export function weightOf(instruction: Instruction): number {
  return isView(instruction) ? 0 : (dear[instruction.op.name] ?? 1);
}

/** Whether results are always kept: to compute them again would take long. */
export function forcedHome(op: AnyOp): boolean {
  return updateRules.has(op) || dearSteps.has(op);
}

/**
 * Whether a value is better stored than computed wherever it is used. Each element of the operand of a contraction
 * is used again and again; one that spreads over a larger shape, too. Used once or twice, it is computed again unless
 * that means to read more.
 */
export function isHeavy(
  instruction: Instruction,
  value: number,
  weight: number,
  leaves: ReadonlySet<number>,
  values: ProgramValues,
  tiling: Tiling,
): boolean {
  if (weight === 0 || isUnpackedInPlace(value, weight, leaves, values, tiling)) return false;
  const size = sizeOf(instruction.type.shape);
  let uses = 0;
  for (const user of values.users[value] ?? []) {
    const made = values.instruction(user);
    if (made === undefined) continue;
    if (manyTimes.has(made.op) || isAttention(made.op)) uses += 4;
    else uses += Math.min(8, Math.max(1, sizeOf(made.type.shape) / size));
  }
  if (uses <= 1) return false;
  if (uses >= 3 && uses > (values.users[value]?.length ?? 0)) return weight * (uses - 1) > 3;
  return weight * (uses - 1) > 24 || leaves.size > 2;
}
