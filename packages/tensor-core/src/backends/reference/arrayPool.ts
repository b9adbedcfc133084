import { allocateArray, type DType, storageLength, type TypedArray } from '../../dtype.ts';

/** Keeps arrays that are free for the next request of the same kind and length, so that steps do not allocate. */
export class ArrayPool {
  readonly #free = new Map<string, TypedArray[]>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = 2 ** 28) {
    this.#maxBytes = maxBytes;
  }

  /** An array for `size` elements, of unspecified content. */
  take(dtype: DType, size: number): TypedArray {
    const sample = allocateArray(dtype, 0);
    const found = this.#free.get(keyOf(sample, storageLength(dtype, size)))?.pop();
    if (found === undefined) return allocateArray(dtype, size);
    this.#bytes -= found.byteLength;
    return found;
  }

  give(array: TypedArray): void {
    if (this.#bytes + array.byteLength > this.#maxBytes) return;
    this.#bytes += array.byteLength;
    const key = keyOf(array, array.length);
    const list = this.#free.get(key);
    if (list === undefined) this.#free.set(key, [array]);
    else list.push(array);
  }
}

function keyOf(array: TypedArray, length: number): string {
  return `${array.constructor.name}${length}`;
}
