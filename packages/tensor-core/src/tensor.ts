import { byteLengthOf, type DType, isStorageOf, type TypedArray } from './dtype.ts';
import { encode } from './encoding.ts';
import { LorikeetError } from './errors.ts';
import type { Attributes, Composite, Primitive } from './op.ts';
import type { ReductionOptions } from './reduction.ts';
import { type Shape, sizeOf } from './shape.ts';
import { Storage } from './storage.ts';
import { formatType, type TensorType } from './type.ts';

/** How a tensor that is not computed yet comes about. */
export interface OpSource {
  readonly kind: 'op';
  readonly op: Primitive | Composite;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  /** Of a composite: its body over the same inputs. */
  readonly expansion: Tensor | undefined;
  /** The module that was being called. */
  readonly path?: string | undefined;
  /** Of a result of `customVjp` or `checkpoint`: what stands for the derivatives of all behind it. */
  readonly custom?: CustomCall;
}

/** One call of a function with a derivative of its own. */
export interface CustomCall {
  /** What the function is differentiated by. */
  readonly inputs: readonly Tensor[];
  /** What it uses beside `inputs`, and has no derivative by. */
  readonly captured: readonly Tensor[];
  /** What it computed. */
  readonly results: readonly Tensor[];
  /** The same, as its callers see them: tensors made one after the other. */
  readonly outputs: readonly Tensor[];
  /** Derivatives by each of `inputs`, given those by each of `outputs`. */
  pullback(cotangents: readonly Tensor[]): readonly (Tensor | null)[];
}

export type TensorSource =
  | OpSource
  | { readonly kind: 'storage'; readonly storage: Storage }
  /** An input of a program that is being traced. */
  | { readonly kind: 'placeholder' };

let count = 0;

/** How many tensors there are: those made from now on have ids of at least that. */
export function tensorCount(): number {
  return count;
}

/**
 * An immutable multi-dimensional array, as a node of a graph: calling an op only records it, and
 * `await t.data()` computes what is needed.
 *
 * Every op is a function; the common ones are methods too.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: `tensorMethods.ts` gives the class its methods, which are made of ops
export class Tensor {
  readonly type: TensorType;
  /** Grows in the order of making, so that inputs have smaller ids than what is made of them. */
  readonly id: number;
  #source: TensorSource;

  constructor(type: TensorType, source: TensorSource) {
    this.type = type;
    this.id = count++;
    this.#source = source;
  }

  get shape(): Shape {
    return this.type.shape;
  }

  get dtype(): DType {
    return this.type.dtype;
  }

  /** Number of axes. */
  get rank(): number {
    return this.type.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.type.shape);
  }

  get source(): TensorSource {
    return this.#source;
  }

  /** Where the elements are, if the tensor is computed. */
  get storage(): Storage | undefined {
    return this.#source.kind === 'storage' ? this.#source.storage : undefined;
  }

  /** Puts the computed elements in the place of the recipe. For the engine: the value stays the same. */
  settle(storage: Storage): void {
    this.#source = { kind: 'storage', storage };
  }

  toString(): string {
    return `Tensor(${formatType(this.type)})`;
  }
}

/** The functions that are methods too. Each is the function of the same name with the tensor as its first argument. */
export interface TensorMethods {
  add(other: TensorLike): Tensor;
  sub(other: TensorLike): Tensor;
  mul(other: TensorLike): Tensor;
  div(other: TensorLike): Tensor;
  pow(other: TensorLike): Tensor;
  neg(): Tensor;
  matmul(other: Tensor): Tensor;
  sum(axes?: number | readonly number[], options?: ReductionOptions): Tensor;
  mean(axes?: number | readonly number[], options?: ReductionOptions): Tensor;
  max(axes?: number | readonly number[], options?: ReductionOptions): Tensor;
  reshape(shape: Shape): Tensor;
  permute(axes: readonly number[]): Tensor;
  broadcastTo(shape: Shape): Tensor;
  cast(dtype: DType): Tensor;
  /** The elements in row-major order; f16 and bf16 as a Float32Array, i4 and u4 one to a byte. Computes what is needed. */
  data(): Promise<TypedArray>;
  /** The one element of a tensor of size 1. */
  item(): Promise<number>;
}

export interface Tensor extends TensorMethods {}

/** What arithmetic accepts: a number takes the dtype of the tensor that it meets. */
export type TensorLike = Tensor | number;

type NestedNumbers = readonly (number | NestedNumbers)[];

/**
 * A tensor of given elements.
 *
 * @param data row-major elements, nested arrays, or a number for a scalar. A typed array of the
 *   dtype's own storage is taken over, not copied; numbers for f16 and bf16 are rounded.
 * @param shape defaults to that of nested arrays, or to one axis.
 * @param dtype defaults to f32.
 * @throws LorikeetError `shape-mismatch` if the number of elements is not that of the shape, or nested
 *   arrays differ in length.
 */
export function tensor(
  data: number | NestedNumbers | TypedArray,
  shape?: Shape,
  dtype: DType = 'f32',
): Tensor {
  const isTyped = ArrayBuffer.isView(data);
  const nested = isTyped ? [data.length] : shapeOfNested(data);
  const flat: ArrayLike<number> = isTyped ? data : flatten(data, nested);
  const type: TensorType = { dtype, shape: shape ?? nested };
  if (flat.length !== sizeOf(type.shape)) {
    throw new LorikeetError(
      'shape-mismatch',
      `tensor: ${flat.length} elements do not fill ${formatType(type)}`,
      {
        expected: `${sizeOf(type.shape)} elements`,
        received: String(flat.length),
      },
    );
  }
  const stored = isTyped && isStorageOf(dtype, data) ? data : encode(dtype, flat);
  return new Tensor(type, { kind: 'storage', storage: Storage.ofHost(type, stored) });
}

/**
 * A tensor of 4-bit integers that are packed already: two to a byte, the first in the lower half.
 *
 * @param bytes row-major, taken over and not copied; half of the last is unused if the size is odd.
 * @throws LorikeetError `shape-mismatch` if the number of bytes is not that of the shape.
 */
export function packedTensor(bytes: Uint8Array, shape: Shape, dtype: 'i4' | 'u4'): Tensor {
  const type: TensorType = { dtype, shape };
  const expected = byteLengthOf(dtype, sizeOf(shape));
  if (bytes.length !== expected) {
    throw new LorikeetError(
      'shape-mismatch',
      `packedTensor: ${bytes.length} bytes do not fill ${formatType(type)}`,
      { expected: `${expected} bytes`, received: String(bytes.length) },
    );
  }
  return new Tensor(type, { kind: 'storage', storage: Storage.ofHost(type, bytes) });
}

/** The numbers in nested arrays of the given shape. Throws `shape-mismatch` where an array has another length. */
function flatten(data: number | NestedNumbers, shape: Shape, into: number[] = []): number[] {
  const [side, ...rest] = shape;
  if (typeof data === 'number' && side === undefined) {
    into.push(data);
  } else if (typeof data !== 'number' && data.length === side) {
    for (const part of data) flatten(part, rest, into);
  } else {
    throw new LorikeetError('shape-mismatch', 'tensor: nested arrays of unequal length', {
      expected: side === undefined ? 'a number, as at the first place' : `an array of ${side}`,
      received: typeof data === 'number' ? String(data) : `an array of ${data.length}`,
    });
  }
  return into;
}

function shapeOfNested(data: number | NestedNumbers): number[] {
  if (typeof data === 'number') return [];
  const [first] = data;
  if (first === undefined) return [0];
  return [data.length, ...shapeOfNested(first)];
}
