import { type Instruction, type Program, valueTypes } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';

/** Values of so few elements are cheap to have early. */
const few = 16;

/**
 * What is small and made of nothing but inputs and other such values comes first, as the learning rate of a step and
 * its corrections: a kernel computed late could not be part of an earlier one that it is needed in.
 */
export function withSmallFirst(program: Program): Program {
  const types = valueTypes(program);
  const first = program.inputs.length + program.constants.length;
  const isSmall = types.map((_, value) => value < first);
  program.instructions.forEach(({ inputs, type }, i) => {
    isSmall[first + i] = sizeOf(type.shape) <= few && inputs.every((value) => isSmall[value]);
  });
  const order = [...program.instructions.keys()];
  const sorted = [
    ...order.filter((i) => isSmall[first + i]),
    ...order.filter((i) => !isSmall[first + i]),
  ];
  const numbers = types.map((_, value) => value);
  sorted.forEach((from, to) => {
    numbers[first + from] = first + to;
  });
  const renumbered = (values: readonly number[]): number[] =>
    values.map((value) => numbers[value] ?? -1);
  const instructions = sorted.flatMap((from): Instruction[] => {
    const instruction = program.instructions[from];
    return instruction === undefined
      ? []
      : [{ ...instruction, inputs: renumbered(instruction.inputs) }];
  });
  return { ...program, instructions, outputs: renumbered(program.outputs) };
}
