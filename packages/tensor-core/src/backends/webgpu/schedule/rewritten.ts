import { type Instruction, type Program, valueTypes } from '../../../program.ts';
import type { TensorType } from '../../../type.ts';

/** A program with other instructions in place of some: `replace` adds them and gives the number of the last. */
export function rewritten(
  program: Program,
  replace: (
    instruction: Instruction,
    add: (instruction: Instruction) => number,
    types: readonly TensorType[],
    /** Which of the program's instructions it is. */
    index: number,
  ) => number | undefined,
): Program {
  const first = program.inputs.length + program.constants.length;
  const types: TensorType[] = valueTypes(program).slice(0, first);
  const numbers = types.map((_, value) => value);
  const instructions: Instruction[] = [];
  const add = (instruction: Instruction): number => {
    types.push(instruction.type);
    return first + instructions.push(instruction) - 1;
  };
  for (const [index, instruction] of program.instructions.entries()) {
    const inputs = instruction.inputs.map((value) => numbers[value] ?? -1);
    const renumbered = { ...instruction, inputs };
    numbers.push(replace(renumbered, add, types, index) ?? add(renumbered));
  }
  const outputs = program.outputs.map((value) => numbers[value] ?? -1);
  return { ...program, instructions, outputs };
}
