import { LorikeetError } from './errors.ts';

/** Element types that a tensor can have. `f64` runs on the reference backend only. */
export type DType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i32' | 'u32' | 'u8' | 'bool';

/** What a backend stores the elements of a tensor in. `f16` and `bf16` are held as their 16 bits. */
export type TypedArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Uint8Array;

interface DTypeFacts {
  readonly bytes: number;
  readonly kind: 'float' | 'int' | 'bool';
  readonly storage: new (length: number) => TypedArray;
}

const facts: Readonly<Record<DType, DTypeFacts>> = {
  f64: { bytes: 8, kind: 'float', storage: Float64Array },
  f32: { bytes: 4, kind: 'float', storage: Float32Array },
  f16: { bytes: 2, kind: 'float', storage: Uint16Array },
  bf16: { bytes: 2, kind: 'float', storage: Uint16Array },
  i32: { bytes: 4, kind: 'int', storage: Int32Array },
  u32: { bytes: 4, kind: 'int', storage: Uint32Array },
  u8: { bytes: 1, kind: 'int', storage: Uint8Array },
  bool: { bytes: 1, kind: 'bool', storage: Uint8Array },
};

export const dtypes: readonly DType[] = Object.keys(facts) as DType[];

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(facts, value);
}

/** Bytes of one element. */
export function byteSize(dtype: DType): number {
  return facts[dtype].bytes;
}

export function isFloat(dtype: DType): boolean {
  return facts[dtype].kind === 'float';
}

export function isInteger(dtype: DType): boolean {
  return facts[dtype].kind === 'int';
}

/** Zeros in the storage of `dtype`. */
export function allocateArray(dtype: DType, length: number): TypedArray {
  return new facts[dtype].storage(length);
}

/** Whether `array` is what elements of `dtype` are stored in. */
export function isStorageOf(dtype: DType, array: TypedArray): boolean {
  return array instanceof facts[dtype].storage;
}

/** From least to most general; f16 and bf16 meet in f32, u32 and i32 in f32, as neither holds the other. */
const order: readonly DType[] = ['bool', 'u8', 'u32', 'i32', 'bf16', 'f16', 'f32', 'f64'];
const meets: Readonly<Record<string, DType>> = { 'f16,bf16': 'f32', 'i32,u32': 'f32' };

/**
 * The type of the result when tensors of types `a` and `b` meet in arithmetic: the more general of the
 * two; where neither holds the other, the least float that JAX and NumPy would agree on without f64.
 */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const [low, high] = order.indexOf(a) < order.indexOf(b) ? [a, b] : [b, a];
  return meets[`${high},${low}`] ?? high;
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
