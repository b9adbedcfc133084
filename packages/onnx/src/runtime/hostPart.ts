import {
  type ArrayPool,
  lastUses,
  type Part,
  type Program,
  runProgram,
  type TensorType,
} from '@lorikeet/tensor-core';
import type { LiveValues } from './liveValues.ts';

/** A part of a program that ONNX has no operators for: the reference meaning of each op. */
export class HostPart {
  readonly #operands: readonly number[];
  readonly #results: readonly number[];
  readonly #program: Program;
  readonly #dying: readonly (readonly number[])[];

  /** @param inputCount of the whole program, behind which its constants are numbered. */
  constructor({ program, inputs, constants, outputs }: Part, inputCount: number) {
    this.#operands = [...inputs, ...constants.map((place) => inputCount + place)];
    this.#results = outputs;
    this.#program = program;
    this.#dying = lastUses(program);
  }

  async run(values: LiveValues, _: readonly TensorType[], pool: ArrayPool): Promise<void> {
    const given = this.#operands.map((value) => values.get(value));
    runProgram(this.#program, given, this.#dying, pool).forEach((data, i) => {
      values.set(this.#results[i] ?? -1, data);
    });
  }
}
