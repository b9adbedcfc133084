import { LorikeetError } from './errors.ts';

/** The operand at `index` of an op's call. */
export function operand<T>(inputs: readonly T[], index: number): T {
  const found = inputs[index];
  if (found === undefined)
    throw new LorikeetError(
      'invalid-argument',
      `an op was given ${inputs.length} operands and needs more`,
    );
  return found;
}
