import { allocateArray, allocateNumbers } from './dtype.ts';
import { decode, encode } from './encoding.ts';
import type { SimplifyOperand, Values } from './op.ts';
import type { Instruction } from './program.ts';

/**
 * The value of all elements of an instruction's result, if it is an op on literals that is elementwise or
 * only rearranges them. It is rounded as the dtype rounds.
 */
export function evaluateLiteral(
  instruction: Instruction,
  operands: readonly SimplifyOperand[],
): number | undefined {
  const { op, attributes, type } = instruction;
  if (op.kind !== 'primitive') return undefined;
  if (op.name === 'full') return scalar(type.dtype, Number(attributes.value));
  if (op.rearranges) return operands[0]?.literal;
  if (op.elementwise === undefined) return undefined;
  const inputs: Values[] = [];
  for (const { literal, dtype } of operands) {
    if (literal === undefined) return undefined;
    inputs.push({ dtype, shape: [], data: decode(dtype, encode(dtype, [literal]), 1) });
  }
  const data = allocateNumbers(type.dtype, 1) ?? allocateArray(type.dtype, 1);
  op.evaluate(inputs, attributes, { dtype: type.dtype, shape: [], data });
  return scalar(type.dtype, data[0] as number);
}

function scalar(dtype: SimplifyOperand['dtype'], value: number): number {
  return decode(dtype, encode(dtype, [value]), 1)[0] as number;
}
