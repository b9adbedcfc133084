import { LorikeetError, type TypedArray } from '@lorikeet/tensor-core';

/** The elements of the values of a program while it runs, by their numbers. */
export class LiveValues {
  readonly #data = new Map<number, TypedArray>();

  set(value: number, data: TypedArray): void {
    this.#data.set(value, data);
  }

  get(value: number): TypedArray {
    const data = this.#data.get(value);
    if (data === undefined)
      throw new LorikeetError('internal', 'onnx: a value is read before it is computed');
    return data;
  }

  entries(): Iterable<[number, TypedArray]> {
    return this.#data.entries();
  }
}
