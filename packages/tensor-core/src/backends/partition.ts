import { isFloat } from '../dtype.ts';
import { type Instruction, type Program, valueTypes } from '../program.ts';
import { sizeOf } from '../shape.ts';
import type { TensorType } from '../type.ts';

/** What a backend says of itself, so that a program can be cut for it. */
export interface PartitionOptions {
  /** Whether a step has to run on the host. */
  refuses(step: Omit<Instruction, 'inputs'> & { readonly inputs: readonly TensorType[] }): boolean;
  /** Whether a constant is held by the part that uses it; otherwise it is an input of it. */
  holds(constant: TensorType): boolean;
}

/** A part of a program that runs in one place. Its values are given by their numbers in the whole. */
export interface Part {
  readonly place: 'device' | 'host';
  readonly program: Program;
  /** Constants of the whole may be among them. */
  readonly inputs: readonly number[];
  /** Those that the part itself holds, by place in the constants of the whole. */
  readonly constants: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Results of at most so many elements are computed on the host if something there needs them: the keys of random
 * numbers. Not floats, which would be rounded otherwise than where they are computed on the device.
 */
const few = 256;

/**
 * Cuts a program where it needs what a device refuses: such calls run on the host, in as few parts as their order
 * allows. Most programs are one part.
 */
export function partition(program: Program, options: PartitionOptions): Part[] {
  const types = valueTypes(program);
  const given = program.inputs.length + program.constants.length;
  const stages = stagesOf(program, types, given, options);
  const count = Math.max(0, ...stages) + 1;
  const members: number[][] = Array.from({ length: count }, () => []);
  stages.forEach((stage, i) => {
    members[stage]?.push(i);
  });
  return members.flatMap((part, stage) =>
    part.length === 0 ? [] : [makePart(program, types, stages, part, stage, options)],
  );
}

/** Of each instruction when it runs: in an even stage on the host, in an odd one on the device. */
function stagesOf(
  program: Program,
  types: readonly TensorType[],
  given: number,
  options: PartitionOptions,
): number[] {
  const onHost = hostInstructions(program, types, given, options);
  const stages: number[] = [];
  program.instructions.forEach(({ inputs }, i) => {
    const parity = onHost.has(i) ? 0 : 1;
    const earliest = inputs.reduce(
      (stage, value) => Math.max(stage, stages[value - given] ?? 0),
      0,
    );
    stages.push(earliest % 2 === parity ? earliest : earliest + 1);
  });
  return stages;
}

function hostInstructions(
  program: Program,
  types: readonly TensorType[],
  given: number,
  { refuses }: PartitionOptions,
): Set<number> {
  const onHost = new Set<number>();
  const wanted = new Set<number>();
  for (let i = program.instructions.length - 1; i >= 0; i--) {
    const { inputs, ...step } = program.instructions[i] as Instruction;
    const { op, type } = step;
    const operands = inputs.map((value) => types[value] as TensorType);
    const isRefused = sizeOf(type.shape) > 0 && refuses({ ...step, inputs: operands });
    const isSmallStep =
      wanted.has(given + i) &&
      op.kind === 'primitive' &&
      !isFloat(type.dtype) &&
      sizeOf(type.shape) <= few;
    if (!isRefused && !isSmallStep) continue;
    onHost.add(i);
    for (const value of inputs) wanted.add(value);
  }
  return onHost;
}

function makePart(
  program: Program,
  types: readonly TensorType[],
  stages: readonly number[],
  members: readonly number[],
  stage: number,
  { holds }: PartitionOptions,
): Part {
  const given = program.inputs.length + program.constants.length;
  const own = new Set(members.map((i) => given + i));
  const outside = new Set(
    members
      .flatMap((i) => program.instructions[i]?.inputs ?? [])
      .filter((value) => !own.has(value)),
  );
  const isStored = (value: number): boolean =>
    value >= program.inputs.length && value < given && holds(types[value] as TensorType);
  const inputs = [...outside].filter((value) => !isStored(value));
  const constants = [...outside].filter(isStored);
  const later = new Set(program.outputs);
  program.instructions.forEach((instruction, i) => {
    if ((stages[i] ?? 0) > stage) for (const value of instruction.inputs) later.add(value);
  });
  const outputs = [...own].filter((value) => later.has(value));
  const numbers = new Map([...inputs, ...constants, ...own].map((value, i) => [value, i]));
  const renumbered = (values: readonly number[]): number[] =>
    values.map((value) => numbers.get(value) ?? -1);
  return {
    place: stage % 2 === 0 ? 'host' : 'device',
    inputs,
    constants: constants.map((value) => value - program.inputs.length),
    outputs,
    program: {
      inputs: inputs.map((value) => types[value] as TensorType),
      constants: constants.map(
        (value) => program.constants[value - program.inputs.length] as Program['constants'][number],
      ),
      instructions: members.map((i) => {
        const instruction = program.instructions[i] as Instruction;
        return { ...instruction, inputs: renumbered(instruction.inputs) };
      }),
      outputs: renumbered(outputs),
    },
  };
}
