import { fullOp } from '../ops/create/full.ts';
import { padOp } from '../ops/movement/pad.ts';
import { sliceOp } from '../ops/movement/slice.ts';
import { type Constant, type Instruction, type Program, valueTypes } from '../program.ts';
import type { TensorType } from '../type.ts';
import { type Box, isWhole, sizesOf } from './box.ts';

/** Writes the instructions of a program that takes the place of another, over the same inputs and constants. */
export class ProgramWriter<C extends Constant> {
  readonly #program: Program<C>;
  readonly #types: TensorType[];
  readonly #instructions: Instruction[] = [];
  readonly #parts = new Map<string, number>();

  constructor(program: Program<C>) {
    this.#program = program;
    this.#types = valueTypes({ ...program, instructions: [] });
  }

  typeOf(value: number): TensorType {
    return this.#types[value] as TensorType;
  }

  /** Adds an instruction and returns the number of its result. */
  add(instruction: Instruction): number {
    this.#instructions.push(instruction);
    this.#types.push(instruction.type);
    return this.#types.length - 1;
  }

  /** A part of a value. Parts of a literal are written anew, and others only once. */
  slice(value: number, box: Box): number {
    const { dtype, shape } = this.typeOf(value);
    if (isWhole(box, shape)) return value;
    const key = `${value} ${box.map(({ start, size }) => `${start}+${size}`).join()}`;
    const known = this.#parts.get(key);
    if (known !== undefined) return known;
    const sizes = sizesOf(box);
    const source = this.#instructions[value - (this.#types.length - this.#instructions.length)];
    const type = { dtype, shape: sizes };
    const part =
      source?.op === fullOp
        ? this.add({ ...source, attributes: { ...source.attributes, shape: sizes }, type })
        : this.add({
            op: sliceOp,
            inputs: [value],
            attributes: { starts: box.map(({ start }) => start), sizes, steps: sizes.map(() => 1) },
            type,
            path: source?.path,
          });
    this.#parts.set(key, part);
    return part;
  }

  /** A value with zeros around it: it is the part `box` of the result. */
  pad(value: number, box: Box, type: TensorType, path: string | undefined): number {
    if (isWhole(box, type.shape)) return value;
    const high = box.map(({ start, size }, axis) => (type.shape[axis] ?? 0) - start - size);
    const attributes = { low: box.map(({ start }) => start), high, interior: box.map(() => 0) };
    return this.add({ op: padOp, inputs: [value], attributes, type, path });
  }

  /** The program of all that was added. */
  finish(outputs: readonly number[]): Program<C> {
    return { ...this.#program, instructions: this.#instructions, outputs };
  }
}
