import type { Attribute, Attributes, Composite, Primitive } from './op.ts';
import { formatType, type TensorType } from './type.ts';

/** One step of a program. Operands are the numbers of earlier values. */
export interface Instruction {
  readonly op: Primitive | Composite;
  readonly inputs: readonly number[];
  readonly attributes: Attributes;
  readonly type: TensorType;
  /** The module that it comes from. No part of what the program computes, nor of its text. */
  readonly path?: string | undefined;
}

/** A tensor that a program closes over. */
export interface Constant {
  readonly type: TensorType;
}

/**
 * A traced computation in A-normal form. Values are numbered: first the inputs, then the constants, then
 * the results of the instructions in order.
 */
export interface Program<C extends Constant = Constant> {
  readonly inputs: readonly TensorType[];
  readonly constants: readonly C[];
  readonly instructions: readonly Instruction[];
  readonly outputs: readonly number[];
}

/** The type of every value of the program, by its number. */
export function valueTypes(program: Program): TensorType[] {
  return [
    ...program.inputs,
    ...program.constants.map((constant) => constant.type),
    ...program.instructions.map((instruction) => instruction.type),
  ];
}

/**
 * The program as text, one line an instruction:
 *
 *     (a: f32[2,3], b: f32[3])
 *     c: f32[2,3] = add a b
 *     return c
 *
 * Two programs are the same computation over the same types if and only if their texts are equal, so the
 * text is the key of every cache: there is no hash that could collide.
 */
export function formatProgram(program: Program): string {
  const { inputs, constants, instructions, outputs } = program;
  const declare = (type: TensorType, value: number): string =>
    `${valueName(value)}: ${formatType(type)}`;
  const lines = [`(${inputs.map((type, i) => declare(type, i)).join(', ')})`];
  constants.forEach((constant, i) => {
    lines.push(`${declare(constant.type, inputs.length + i)} = constant`);
  });
  const first = inputs.length + constants.length;
  instructions.forEach(({ op, inputs: operands, attributes, type }, i) => {
    const parts = [op.name, ...operands.map(valueName)];
    if (Object.keys(attributes).length > 0) parts.push(formatAttribute(attributes));
    lines.push(`${declare(type, first + i)} = ${parts.join(' ')}`);
  });
  lines.push(`return ${outputs.map(valueName).join(', ')}`);
  return lines.join('\n');
}

/** a, b, ..., z, aa, ab, ... */
function valueName(value: number): string {
  const letter = String.fromCharCode(97 + (value % 26));
  return value < 26 ? letter : valueName(Math.floor(value / 26) - 1) + letter;
}

/** Like JSON, with names unquoted, and with the numbers that JSON lacks. */
export function formatAttribute(attribute: Attribute): string {
  if (typeof attribute === 'number') return Object.is(attribute, -0) ? '-0' : String(attribute);
  if (typeof attribute !== 'object' || attribute === null) return JSON.stringify(attribute);
  if (isList(attribute)) return `[${attribute.map(formatAttribute).join(',')}]`;
  const fields = Object.entries(attribute).map(
    ([name, value]) => `${name}:${formatAttribute(value)}`,
  );
  return `{${fields.join(',')}}`;
}

function isList(
  attribute: readonly Attribute[] | { readonly [name: string]: Attribute },
): attribute is readonly Attribute[] {
  return Array.isArray(attribute);
}
