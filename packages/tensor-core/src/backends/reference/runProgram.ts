import { allocateNumbers, type TypedArray } from '../../dtype.ts';
import { decode, encodeInto } from '../../encoding.ts';
import { LorikeetError } from '../../errors.ts';
import { atPath } from '../../namedScope.ts';
import type { Values } from '../../op.ts';
import { type Instruction, type Program, valueTypes } from '../../program.ts';
import { sizeOf } from '../../shape.ts';
import type { ArrayPool } from './arrayPool.ts';

/** For each instruction, the results of instructions that nothing reads after it. */
export function lastUses(program: Program): number[][] {
  const first = program.inputs.length + program.constants.length;
  const seen = new Set(program.outputs);
  const dying: number[][] = program.instructions.map(() => []);
  for (let i = program.instructions.length - 1; i >= 0; i--) {
    for (const value of program.instructions[i]?.inputs ?? []) {
      if (value < first || seen.has(value)) continue;
      seen.add(value);
      dying[i]?.push(value);
    }
  }
  return dying;
}

/**
 * Runs every instruction, and returns an array of its own for each output.
 *
 * @param given the data of the inputs, then of the constants.
 */
export function runProgram(
  program: Program,
  given: readonly TypedArray[],
  dying: readonly (readonly number[])[],
  pool: ArrayPool,
): TypedArray[] {
  const types = valueTypes(program);
  const values: (TypedArray | undefined)[] = [...given];
  const read = (value: number): TypedArray => {
    const data = values[value];
    if (data === undefined)
      throw new LorikeetError('internal', 'a value is read after its last use');
    return data;
  };
  program.instructions.forEach((instruction, i) => {
    const { type, inputs } = instruction;
    const data = pool.take(type.dtype, sizeOf(type.shape));
    const operands = inputs.map((value): Values => {
      const { dtype, shape } = types[value] ?? type;
      return { dtype, shape, data: decode(dtype, read(value), sizeOf(shape)) };
    });
    atPath(instruction.path, () => {
      evaluate(instruction, operands, data);
    });
    values.push(data);
    for (const value of dying[i] ?? []) {
      pool.give(read(value));
      values[value] = undefined;
    }
  });
  const first = given.length;
  return program.outputs.map((output, i) => {
    const data = read(output);
    // What is not this output's alone is copied, so that every output can be freed by itself.
    return output < first || program.outputs.indexOf(output) !== i ? data.slice() : data;
  });
}

function evaluate(
  { op, attributes, type }: Instruction,
  operands: readonly Values[],
  stored: TypedArray,
): void {
  if (op.kind === 'composite')
    throw new LorikeetError('internal', `the reference backend was given the composite ${op.name}`);
  const numbers = allocateNumbers(type.dtype, sizeOf(type.shape));
  op.evaluate(operands, attributes, { ...type, data: numbers ?? stored });
  if (numbers !== undefined) encodeInto(type.dtype, numbers, stored);
}
