import type { Backend, Executable, TensorType } from '@lorikeet/tensor-core';
import type { LiveValues } from './liveValues.ts';
import type { Part } from './partition.ts';

/** A part of a program that the reference backend runs. */
export class HostPart {
  readonly #operands: readonly number[];
  readonly #results: readonly number[];
  readonly #executable: Executable;
  readonly #host: Backend;

  /** @param inputCount of the whole program, behind which its constants are numbered. */
  constructor({ program, inputs, constants, outputs }: Part, inputCount: number, host: Backend) {
    this.#host = host;
    this.#operands = [...inputs, ...constants.map((place) => inputCount + place)];
    this.#results = outputs;
    const types = [...program.inputs, ...program.constants.map(({ type }) => type)];
    this.#executable = host.compile({ ...program, inputs: types, constants: [] }, []);
  }

  async run(values: LiveValues, types: readonly TensorType[]): Promise<void> {
    const typeOf = (value: number): TensorType => types[value] as TensorType;
    const operands = this.#operands.map((value) =>
      this.#host.write(typeOf(value), values.get(value)),
    );
    const results = this.#host.run(this.#executable, operands);
    for (const [i, result] of results.entries()) {
      const value = this.#results[i] ?? -1;
      values.set(value, await this.#host.read(typeOf(value), result));
    }
    for (const buffer of [...operands, ...results]) this.#host.free(buffer);
  }
}
