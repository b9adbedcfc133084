import type { Instruction, Program } from '../../../program.ts';
import { valueTypes } from '../../../program.ts';
import type { TensorType } from '../../../type.ts';
import { elementsPerWord, scalarOf } from '../codegen/scalars.ts';

/** Where an index that lies outside of its axis is noted. */
export interface FaultSlot {
  readonly op: string;
  readonly side: number;
  readonly path: string | undefined;
}

/** The values of a program by their numbers: what they are and what they are made of. */
export class ProgramValues {
  readonly program: Program;
  /** Number of the first result: before it are the inputs and the constants. */
  readonly first: number;
  /** Of each value, the numbers of the results made of it. */
  readonly users: readonly (readonly number[])[];
  readonly #types: readonly TensorType[];
  readonly #literals = new Map<number, number>();
  readonly faults: FaultSlot[] = [];
  readonly #slots = new Map<number, number>();
  readonly #wide = new Map<number, TensorType>();
  readonly #numbers: ReadonlyMap<Instruction, number>;

  constructor(program: Program) {
    this.program = program;
    this.first = program.inputs.length + program.constants.length;
    this.#types = valueTypes(program);
    const users: number[][] = this.#types.map(() => []);
    program.instructions.forEach(({ op, inputs, attributes }, i) => {
      const value = this.first + i;
      for (const input of new Set(inputs)) users[input]?.push(value);
      if (op.kind === 'primitive' && op.name === 'full')
        this.#literals.set(value, Number(attributes.value));
      else if (op.kind === 'primitive' && op.rearranges === true) {
        const literal = this.#literals.get(inputs[0] ?? -1);
        if (literal !== undefined) this.#literals.set(value, literal);
      }
    });
    this.users = users;
    this.#numbers = new Map(
      program.instructions.map((instruction, i) => [instruction, this.first + i]),
    );
  }

  get count(): number {
    return this.#types.length;
  }

  type(value: number): TensorType {
    return this.#types[value] as TensorType;
  }

  /** What a value is in memory: one that a thread writes alone has a word for each element. */
  memoryType(value: number): TensorType {
    return this.#wide.get(value) ?? this.type(value);
  }

  /** Has each element of a value take a word of its own in memory. */
  widen(value: number): void {
    const { dtype, shape } = this.type(value);
    const scalar = scalarOf(dtype);
    if (elementsPerWord(dtype) > 1)
      this.#wide.set(value, { shape, dtype: scalar === 'bool' ? 'u32' : scalar });
  }

  instruction(value: number): Instruction | undefined {
    return this.program.instructions[value - this.first];
  }

  /** The number that all elements are, if they are. */
  literal(value: number): number | undefined {
    return this.#literals.get(value);
  }

  numberOf(instruction: Instruction): number {
    return this.#numbers.get(instruction) ?? -1;
  }

  faultSlot(value: number, side: number): number {
    const known = this.#slots.get(value);
    if (known !== undefined) return known;
    const { op, path, attributes } = this.instruction(value) ?? {};
    const name = typeof attributes?.op === 'string' ? attributes.op : op?.name;
    const slot = this.faults.length;
    this.faults.push({ op: name ?? '', side, path });
    this.#slots.set(value, slot);
    return slot;
  }
}
