import { allocateArray, type DType, type TypedArray } from './dtype.ts';
import { bf16ToNumber, f16ToNumber, numberToBf16, numberToF16 } from './half.ts';

/** Numbers put into the storage of `dtype`, rounded or wrapped as the dtype does. */
export function encode(dtype: DType, numbers: ArrayLike<number>): TypedArray {
  const stored = allocateArray(dtype, numbers.length);
  encodeInto(dtype, numbers, stored);
  return stored;
}

/** Writes `numbers` to `stored`, the storage of `dtype`. */
export function encodeInto(dtype: DType, numbers: ArrayLike<number>, stored: TypedArray): void {
  if (dtype === 'f16') {
    for (let i = 0; i < numbers.length; i++) stored[i] = numberToF16(numbers[i] as number);
  } else if (dtype === 'bf16') {
    for (let i = 0; i < numbers.length; i++) stored[i] = numberToBf16(numbers[i] as number);
  } else if (dtype === 'bool') {
    for (let i = 0; i < numbers.length; i++) stored[i] = numbers[i] === 0 ? 0 : 1;
  } else {
    stored.set(numbers);
  }
}

/** The values of what is stored: 16-bit floats as f32, all others as they are, without a copy. */
export function decode(dtype: DType, stored: TypedArray): TypedArray {
  if (dtype !== 'f16' && dtype !== 'bf16') return stored;
  const toNumber = dtype === 'f16' ? f16ToNumber : bf16ToNumber;
  const numbers = new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i++) numbers[i] = toNumber(stored[i] as number);
  return numbers;
}
