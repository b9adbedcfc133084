import { type DType, isInteger, type TypedArray } from '../dtype.ts';
import { encodeInto } from '../encoding.ts';
import { LorikeetError } from '../errors.ts';
import { bf16ToNumber, f16ToNumber } from '../half.ts';
import { formatPlace, type Place } from './fault.ts';
import { type StoredArray, type StoredDType, storageOf, storedBits } from './storedDType.ts';

/** Elements as numbers, whatever they are stored as. */
export type Numbers = Exclude<StoredArray, BigInt64Array | BigUint64Array>;

const f16Values = tableOf(f16ToNumber);
const bf16Values = tableOf(bf16ToNumber);

/** The values of the stored elements in `bytes`, without a copy where they are numbers already. */
export function toNumbers(dtype: StoredDType, bytes: Uint8Array, place: Place): Numbers {
  // A typed array starts at a multiple of its element, and bytes from a source start anywhere.
  const { buffer, byteOffset, length } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const Storage = storageOf(dtype, place);
  const stored = new Storage(buffer, byteOffset, (length * 8) / storedBits(dtype));
  if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) return widen(stored);
  if (dtype === 'F16') return lookUp(f16Values(), stored);
  if (dtype === 'BF16') return lookUp(bf16Values(), stored);
  return stored;
}

/** Writes `numbers` to `target`, the storage of `dtype`, and refuses what does not fit in an integer. */
export function storeNumbers(
  dtype: DType,
  numbers: Numbers,
  target: TypedArray,
  place: Place,
): void {
  if (isInteger(dtype)) requireFit(dtype, numbers, place);
  encodeInto(dtype, numbers, target);
}

const limits: Partial<Record<DType, readonly [least: number, most: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i8: [-128, 127],
  u8: [0, 255],
};

function requireFit(dtype: DType, numbers: Numbers, place: Place): void {
  const [least, most] = limits[dtype] ?? [0, 0];
  for (const value of numbers) {
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new LorikeetError('invalid-argument', `a stored value does not fit in ${dtype}`, {
      path: formatPlace(place),
      expected: `whole numbers from ${least} to ${most}`,
      received: String(value),
      hint: 'read the tensor as f64, or as it is stored with read(name)',
    });
  }
}

/** 64-bit integers to the nearest double, from their two halves: far faster than from bigints. */
function widen(stored: BigInt64Array | BigUint64Array): Float64Array {
  const { buffer, byteOffset, length } = stored;
  const low = new Uint32Array(buffer, byteOffset, length * 2);
  const isSigned = stored instanceof BigInt64Array;
  const high = isSigned ? new Int32Array(buffer, byteOffset, length * 2) : low;
  const numbers = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    numbers[i] = (high[2 * i + 1] ?? 0) * 2 ** 32 + (low[2 * i] ?? 0);
  }
  return numbers;
}

/** The values of all 16-bit patterns, worked out at the first need. */
function tableOf(toNumber: (bits: number) => number): () => Float32Array {
  let table: Float32Array | undefined;
  return () => {
    table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => toNumber(bits));
    return table;
  };
}

function lookUp(table: Float32Array, bits: Numbers): Float32Array {
  const numbers = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) numbers[i] = table[bits[i] ?? 0] ?? 0;
  return numbers;
}
