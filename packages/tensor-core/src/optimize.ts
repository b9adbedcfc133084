import { identityOf } from './identity.ts';
import { evaluateLiteral } from './literal.ts';
import { fullOp } from './ops/create/full.ts';
import {
  type Constant,
  formatAttribute,
  type Instruction,
  type Program,
  valueTypes,
} from './program.ts';
import { formatType } from './type.ts';

/**
 * One walk over the program that folds arithmetic on literals, drops steps that an op's `simplify` rule
 * shows to change nothing, and merges equal steps; then drops what no output needs. Linear in length.
 */
export function optimize<C extends Constant>(program: Program<C>): Program<C> {
  const first = program.inputs.length + program.constants.length;
  const types = valueTypes({ ...program, instructions: [] });
  const literals = new Map<number, number>();
  const known = new Map<string, number>();
  const replaced: number[] = types.map((_, value) => value);
  const instructions: Instruction[] = [];

  for (const original of program.instructions) {
    let instruction: Instruction = {
      ...original,
      inputs: original.inputs.map((input) => replaced[input] ?? input),
    };
    const operands = instruction.inputs.map((input) => ({
      ...(types[input] ?? instruction.type),
      literal: literals.get(input),
    }));

    const same =
      instruction.op.kind === 'primitive'
        ? instruction.op.simplify?.(operands, instruction.attributes, instruction.type)
        : undefined;
    if (same !== undefined) {
      replaced.push(instruction.inputs[same] ?? -1);
      continue;
    }

    const folded = evaluateLiteral(instruction, operands);
    if (folded !== undefined) {
      const { dtype, shape } = instruction.type;
      instruction = {
        op: fullOp,
        inputs: [],
        attributes: { value: folded, dtype, shape },
        type: instruction.type,
      };
    }

    const key = `${identityOf(instruction.op)} ${instruction.inputs.join(' ')} ${formatAttribute(instruction.attributes)} ${formatType(instruction.type)}`;
    const earlier = known.get(key);
    if (earlier !== undefined) {
      replaced.push(earlier);
      continue;
    }
    const value = first + instructions.length;
    known.set(key, value);
    if (folded !== undefined) literals.set(value, folded);
    types.push(instruction.type);
    instructions.push(instruction);
    replaced.push(value);
  }
  return dropDead({
    ...program,
    instructions,
    outputs: program.outputs.map((output) => replaced[output] ?? output),
  });
}

/** Leaves out the instructions and constants that no output needs. Inputs stay: they are the signature. */
function dropDead<C extends Constant>(program: Program<C>): Program<C> {
  const firstConstant = program.inputs.length;
  const first = firstConstant + program.constants.length;
  const live = new Set(program.outputs);
  for (let i = program.instructions.length - 1; i >= 0; i--) {
    if (live.has(first + i))
      for (const input of program.instructions[i]?.inputs ?? []) live.add(input);
  }
  const renumbered = new Map<number, number>();
  const keep = (value: number): boolean => {
    if (value >= firstConstant && !live.has(value)) return false;
    renumbered.set(value, renumbered.size);
    return true;
  };
  const renumber = (value: number): number => renumbered.get(value) ?? -1;
  for (let i = 0; i < firstConstant; i++) keep(i);
  const constants = program.constants.filter((_, i) => keep(firstConstant + i));
  const instructions = program.instructions.filter((_, i) => keep(first + i));
  return {
    inputs: program.inputs,
    constants,
    instructions: instructions.map((instruction) => ({
      ...instruction,
      inputs: instruction.inputs.map(renumber),
    })),
    outputs: program.outputs.map(renumber),
  };
}
