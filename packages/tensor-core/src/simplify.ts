import type { SimplifyOperand } from './op.ts';
import { sameType, type TensorType } from './type.ts';

/** 0 if the result equals the first operand because the second is the literal `identity`. */
export function keptOperand(
  type: TensorType,
  a: SimplifyOperand | undefined,
  b: SimplifyOperand | undefined,
  identity: number,
): 0 | undefined {
  return a !== undefined && b?.literal === identity && sameType(a, type) ? 0 : undefined;
}

/** 1 if the result equals the second operand because the first is the literal `identity`. */
export function keptOperandOfSwapped(
  type: TensorType,
  a: SimplifyOperand | undefined,
  b: SimplifyOperand | undefined,
  identity: number,
): 1 | undefined {
  return keptOperand(type, b, a, identity) === 0 ? 1 : undefined;
}
