import { allocateArray, allocateNumbers, type DType, isPacked, type TypedArray } from './dtype.ts';
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
  } else if (isPacked(dtype)) {
    for (let i = 0; i < stored.length; i++) {
      const [low, high] = [numbers[2 * i] as number, numbers[2 * i + 1] ?? 0];
      stored[i] = (low & 15) | ((high & 15) << 4);
    }
  } else {
    stored.set(numbers);
  }
}

/**
 * The `size` elements of what is stored, as numbers: 16-bit floats as f32, packed integers one by one, all
 * others as they are, without a copy.
 */
export function decode(dtype: DType, stored: TypedArray, size: number): TypedArray {
  const numbers = allocateNumbers(dtype, size);
  if (numbers === undefined) return stored;
  if (isPacked(dtype)) {
    // The sign, if there is one, is the highest of four bits.
    const shift = dtype === 'i4' ? 28 : 0;
    for (let i = 0; i < size; i++) {
      const bits = ((stored[i >> 1] as number) >> (4 * (i & 1))) & 15;
      numbers[i] = (bits << shift) >> shift;
    }
  } else {
    const toNumber = dtype === 'f16' ? f16ToNumber : bf16ToNumber;
    for (let i = 0; i < size; i++) numbers[i] = toNumber(stored[i] as number);
  }
  return numbers;
}
