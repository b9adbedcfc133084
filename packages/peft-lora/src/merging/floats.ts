import { type DType, LorikeetError } from '@lorikeet/tensor-core';

/** A binary floating-point format. */
interface FloatFormat {
  /** Bits of the significand, the hidden one included. */
  readonly digits: number;
  /** The exponent of the smallest normal number. */
  readonly lowest: number;
}

const formats: Partial<Record<DType, FloatFormat>> = {
  f64: { digits: 53, lowest: -1022 },
  f32: { digits: 24, lowest: -126 },
  bf16: { digits: 8, lowest: -126 },
  f16: { digits: 11, lowest: -14 },
};

/** The largest relative error of rounding to a dtype. */
export function unitRoundoff(dtype: DType): number {
  return 2 ** -formatOf(dtype).digits;
}

/** The distance of neighbouring numbers of a dtype at `value`. */
export function ulpAt(value: number, dtype: DType): number {
  const { digits, lowest } = formatOf(dtype);
  const size = Math.abs(value);
  let exponent = size === 0 ? lowest : Math.floor(Math.log2(size));
  // log2 may be off by a digit at powers of two.
  if (2 ** exponent > size) exponent -= 1;
  return 2 ** (Math.max(exponent, lowest) - digits + 1);
}

function formatOf(dtype: DType): FloatFormat {
  const found = formats[dtype];
  if (found !== undefined) return found;
  throw new LorikeetError('unsupported', `weights cannot be merged in ${dtype}`, {
    expected: Object.keys(formats).join(', '),
    received: dtype,
  });
}
