import { LorikeetError } from './errors.ts';

/**
 * Element types that a tensor can have. `f64` runs on the reference backend only. `u4` and `i4` are for
 * storage: two elements to a byte.
 */
export type DType =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'i32'
  | 'u32'
  | 'i8'
  | 'u8'
  | 'i4'
  | 'u4'
  | 'bool';

/** What a backend stores the elements of a tensor in. `f16` and `bf16` are held as their 16 bits. */
export type TypedArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Int8Array
  | Uint8Array;

type ArrayType = new (length: number) => TypedArray;

interface DTypeFacts {
  readonly bits: number;
  readonly kind: 'float' | 'int' | 'bool';
  readonly storage: ArrayType;
  /** What holds the elements as numbers, where the storage does not. */
  readonly numbers?: ArrayType;
}

const facts: Readonly<Record<DType, DTypeFacts>> = {
  f64: { bits: 64, kind: 'float', storage: Float64Array },
  f32: { bits: 32, kind: 'float', storage: Float32Array },
  f16: { bits: 16, kind: 'float', storage: Uint16Array, numbers: Float32Array },
  bf16: { bits: 16, kind: 'float', storage: Uint16Array, numbers: Float32Array },
  i32: { bits: 32, kind: 'int', storage: Int32Array },
  u32: { bits: 32, kind: 'int', storage: Uint32Array },
  i8: { bits: 8, kind: 'int', storage: Int8Array },
  u8: { bits: 8, kind: 'int', storage: Uint8Array },
  i4: { bits: 4, kind: 'int', storage: Uint8Array, numbers: Int8Array },
  u4: { bits: 4, kind: 'int', storage: Uint8Array, numbers: Uint8Array },
  bool: { bits: 8, kind: 'bool', storage: Uint8Array },
};

export const dtypes: readonly DType[] = Object.keys(facts) as DType[];

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(facts, value);
}

/** Bytes of one element: one half for those that are packed two to a byte. */
export function byteSize(dtype: DType): number {
  return facts[dtype].bits / 8;
}

/** Bytes of `size` elements. */
export function byteLengthOf(dtype: DType, size: number): number {
  return Math.ceil(size * byteSize(dtype));
}

export function isFloat(dtype: DType): boolean {
  return facts[dtype].kind === 'float';
}

export function isInteger(dtype: DType): boolean {
  return facts[dtype].kind === 'int';
}

/** Whether elements share bytes. */
export function isPacked(dtype: DType): boolean {
  return facts[dtype].bits < 8;
}

/** Length of the array that stores `size` elements of `dtype`. */
export function storageLength(dtype: DType, size: number): number {
  return isPacked(dtype) ? byteLengthOf(dtype, size) : size;
}

/** Zeros in the storage of `size` elements of `dtype`. */
export function allocateArray(dtype: DType, size: number): TypedArray {
  return new facts[dtype].storage(storageLength(dtype, size));
}

/** Zeros in what holds elements of `dtype` as numbers, or `undefined` where that is their storage. */
export function allocateNumbers(dtype: DType, size: number): TypedArray | undefined {
  const { numbers } = facts[dtype];
  return numbers && new numbers(size);
}

/** Whether `array` holds one element of `dtype` in each of its own, as its storage does. */
export function isStorageOf(dtype: DType, array: TypedArray): boolean {
  return !isPacked(dtype) && array instanceof facts[dtype].storage;
}

/** Refuses a dtype that is not among `allowed`, naming the op. */
export function requireDType(
  op: string,
  dtype: DType,
  allowed: readonly DType[] | ((dtype: DType) => boolean),
  role = 'input',
): void {
  const good = typeof allowed === 'function' ? allowed(dtype) : allowed.includes(dtype);
  if (good) return;
  throw new LorikeetError('dtype-mismatch', `${op}: ${role} cannot be ${dtype}`, {
    expected: dtypes
      .filter((d) => (typeof allowed === 'function' ? allowed(d) : allowed.includes(d)))
      .join(', '),
    received: dtype,
    hint: 'convert it with cast(x, dtype)',
  });
}
