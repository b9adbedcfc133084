import { dotOp } from '../../../ops/contraction/dot.ts';
import { type ConcatAttributes, concatOp } from '../../../ops/movement/concat.ts';
import { aliasOp } from '../../../ops/unary/alias.ts';
import { type Instruction, type Program, valueTypes } from '../../../program.ts';
import type { TensorType } from '../../../type.ts';
import { elementsPerWord } from '../codegen/scalars.ts';
import { isReduction, isScan } from './anchors.ts';

/** As many as a kernel can be given on any adapter, beside its result. */
const mostParts = 4;

/** Results whose elements share words, each computed by another thread, are packed by a step of their own. */
export function withPackedOutputs(program: Program): Program {
  const first = program.inputs.length + program.constants.length;
  const instructions = [...program.instructions];
  const outputs = program.outputs.map((value) => {
    const made = program.instructions[value - first];
    if (made === undefined || elementsPerWord(made.type.dtype) === 1) return value;
    if (made.op !== dotOp && !isReduction(made.op) && !isScan(made.op)) return value;
    return first + instructions.push({ ...made, op: aliasOp, inputs: [value], attributes: {} }) - 1;
  });
  return { ...program, instructions, outputs };
}

/** Many parts are put together few by few. */
export function withShortConcats(program: Program): Program {
  if (program.instructions.every(({ op, inputs }) => op !== concatOp || inputs.length <= mostParts))
    return program;
  const first = program.inputs.length + program.constants.length;
  const types: TensorType[] = valueTypes(program).slice(0, first);
  const numbers = types.map((_, value) => value);
  const instructions: Instruction[] = [];
  const add = (instruction: Instruction): number => {
    types.push(instruction.type);
    return first + instructions.push(instruction) - 1;
  };
  for (const instruction of program.instructions) {
    let inputs = instruction.inputs.map((value) => numbers[value] ?? -1);
    const { axis } = instruction.attributes as ConcatAttributes;
    while (instruction.op === concatOp && inputs.length > mostParts) {
      const groups: number[] = [];
      for (let i = 0; i < inputs.length; i += mostParts) {
        const parts = inputs.slice(i, i + mostParts);
        const shape = [...instruction.type.shape];
        shape[axis] = parts.reduce((sum, part) => sum + (types[part]?.shape[axis] ?? 0), 0);
        const type = { ...instruction.type, shape };
        const [only = -1] = parts;
        groups.push(parts.length === 1 ? only : add({ ...instruction, inputs: parts, type }));
      }
      inputs = groups;
    }
    numbers.push(add({ ...instruction, inputs }));
  }
  return {
    ...program,
    instructions,
    outputs: program.outputs.map((value) => numbers[value] ?? -1),
  };
}
