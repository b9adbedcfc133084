import type { DType, TypedArray } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { formatPlace, type Place } from './fault.ts';

/** Element types of a safetensors file, in the file's own spelling. */
export type StoredDType =
  | 'U64'
  | 'I64'
  | 'F64'
  | 'C64'
  | 'F32'
  | 'U32'
  | 'I32'
  | 'BF16'
  | 'F16'
  | 'U16'
  | 'I16'
  | 'F8_E5M2FNUZ'
  | 'F8_E4M3FNUZ'
  | 'F8_E8M0'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'I8'
  | 'U8'
  | 'F6_E3M2'
  | 'F6_E2M3'
  | 'F4'
  | 'BOOL';

/** What the elements of a stored tensor are read into. `F16` and `BF16` come as their 16 bits. */
export type StoredArray = TypedArray | Int16Array | BigInt64Array | BigUint64Array;

/** Makes a `StoredArray` of zeros, or of bytes that are there already. */
interface ElementStorage {
  new (length: number): StoredArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): StoredArray;
}

interface StoredFacts {
  readonly bits: number;
  /** What holds the elements; a dtype without it is listed and not read. */
  readonly storage?: ElementStorage;
  /** The dtype of a tensor that holds the very same bits. */
  readonly same?: DType;
}

/** In the order in which the official library lays tensors out: the widest first. */
const facts: Readonly<Record<StoredDType, StoredFacts>> = {
  U64: { bits: 64, storage: BigUint64Array },
  I64: { bits: 64, storage: BigInt64Array },
  F64: { bits: 64, storage: Float64Array, same: 'f64' },
  C64: { bits: 64 },
  F32: { bits: 32, storage: Float32Array, same: 'f32' },
  U32: { bits: 32, storage: Uint32Array, same: 'u32' },
  I32: { bits: 32, storage: Int32Array, same: 'i32' },
  BF16: { bits: 16, storage: Uint16Array, same: 'bf16' },
  F16: { bits: 16, storage: Uint16Array, same: 'f16' },
  U16: { bits: 16, storage: Uint16Array },
  I16: { bits: 16, storage: Int16Array },
  F8_E5M2FNUZ: { bits: 8 },
  F8_E4M3FNUZ: { bits: 8 },
  F8_E8M0: { bits: 8 },
  F8_E4M3: { bits: 8 },
  F8_E5M2: { bits: 8 },
  I8: { bits: 8, storage: Int8Array, same: 'i8' },
  U8: { bits: 8, storage: Uint8Array, same: 'u8' },
  F6_E3M2: { bits: 6 },
  F6_E2M3: { bits: 6 },
  F4: { bits: 4 },
  // A byte other than 0 and 1 is true too, so its bits are not taken as they are.
  BOOL: { bits: 8, storage: Uint8Array },
};

const order = Object.keys(facts) as StoredDType[];

/** Those that can be read and written, the widest first. */
export const readableDTypes: readonly StoredDType[] = order.filter((dtype) => facts[dtype].storage);

export function isStoredDType(value: unknown): value is StoredDType {
  return typeof value === 'string' && Object.hasOwn(facts, value);
}

/** Bits of one element; fewer than 8 for the packed floats. */
export function storedBits(dtype: StoredDType): number {
  return facts[dtype].bits;
}

/** Bits of a tensor; `undefined` if they are too many to be counted exactly. */
export function tensorBits(dtype: StoredDType, shape: readonly number[]): number | undefined {
  let bits = storedBits(dtype);
  for (const side of shape) {
    bits *= side;
    if (!Number.isSafeInteger(bits)) return undefined;
  }
  return bits;
}

/** What the elements are read into. Throws `unsupported` if the dtype is only ever listed. */
export function storageOf(dtype: StoredDType, place: Place): ElementStorage {
  const storage = isStoredDType(dtype) ? facts[dtype].storage : undefined;
  if (storage !== undefined) return storage;
  throw new LorikeetError('unsupported', `data of type ${dtype} cannot be read or written`, {
    path: formatPlace(place),
    expected: readableDTypes.join(', '),
    received: dtype,
    hint: 'convert the tensor with the library that wrote it',
  });
}

/** Whether a tensor of type `dtype` holds the same bits as a stored one of type `stored`. */
export function isSameBits(stored: StoredDType, dtype: DType): boolean {
  return facts[stored].same === dtype;
}

/** Negative if tensors of type `a` come before those of type `b` in a file. */
export function compareStoredDTypes(a: StoredDType, b: StoredDType): number {
  return order.indexOf(a) - order.indexOf(b);
}
