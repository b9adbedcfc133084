import type { DType } from '../../../dtype.ts';

/** What an element is within a kernel. */
export type Scalar = 'f32' | 'i32' | 'u32' | 'bool';

const scalars: Readonly<Partial<Record<DType, Scalar>>> = {
  f32: 'f32',
  f16: 'f32',
  bf16: 'f32',
  i32: 'i32',
  i8: 'i32',
  i4: 'i32',
  u32: 'u32',
  u8: 'u32',
  u4: 'u32',
  bool: 'bool',
};

/** f64 has none: it is computed on the host. */
export function scalarOf(dtype: DType): Scalar {
  return scalars[dtype] ?? 'f32';
}

/** Type of the words that a buffer is an array of. */
export function wordOf(dtype: DType): 'f32' | 'i32' | 'u32' {
  return dtype === 'f32' || dtype === 'i32' ? dtype : 'u32';
}

const perWord: Readonly<Partial<Record<DType, number>>> = {
  f16: 2,
  bf16: 2,
  i8: 4,
  u8: 4,
  bool: 4,
  i4: 8,
  u4: 8,
};

/** How many elements share a word of 32 bits. */
export function elementsPerWord(dtype: DType): number {
  return perWord[dtype] ?? 1;
}

/** One element out of the word that holds it; `place` is the element's place among those of the word. */
export function unpacked(dtype: DType, word: string, place: string): string {
  switch (dtype) {
    case 'f16':
      return `unpack2x16float(${word})[${place}]`;
    case 'bf16':
      return `bitcast<f32>((${word} >> (16u * ${place})) << 16u)`;
    case 'bool':
      return `(((${word} >> (8u * ${place})) & 255u) != 0u)`;
    case 'u8':
      return `((${word} >> (8u * ${place})) & 255u)`;
    case 'i8':
      return `extractBits(bitcast<i32>(${word}), 8u * ${place}, 8u)`;
    case 'u4':
      return `((${word} >> (4u * ${place})) & 15u)`;
    case 'i4':
      return `extractBits(bitcast<i32>(${word}), 4u * ${place}, 4u)`;
    default:
      return word;
  }
}

/** The word (u32) of elements that share it, the first in the lowest bits. */
export function packed(dtype: DType, elements: readonly string[]): string {
  const bits = 32 / elementsPerWord(dtype);
  const field = (element: string): string => {
    if (dtype === 'f16') return `halfFloat(${element})`;
    if (dtype === 'bf16') return `bfloat(${element})`;
    if (dtype === 'bool') return `u32(${element})`;
    return `(u32(${element}) & ${2 ** bits - 1}u)`;
  };
  return elements
    .map((element, i) => (i === 0 ? field(element) : `(${field(element)} << ${i * bits}u)`))
    .join(' | ');
}

/** A number as a literal of the scalar type. */
export function literalText(scalar: Scalar, value: number): string {
  if (scalar === 'bool') return value === 0 ? 'false' : 'true';
  if (scalar === 'u32') return `${value >>> 0}u`;
  if (scalar === 'i32') {
    const whole = value | 0;
    return whole === -(2 ** 31) ? 'i32(-2147483647 - 1)' : `${whole}i`;
  }
  // A constant expression may be neither infinite nor NaN.
  if (Number.isNaN(value)) return 'bitcast<f32>(notANumberBits)';
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded))
    return rounded > 0 ? 'bitcast<f32>(infinityBits)' : '(-bitcast<f32>(infinityBits))';
  if (Object.is(rounded, -0)) return 'bitcast<f32>(0x80000000u)';
  const text = String(rounded);
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/** `element` of one scalar type as another, as `cast` has it. */
export function converted(element: string, from: Scalar, to: Scalar): string {
  if (from === to) return element;
  if (to === 'bool') return from === 'f32' ? `!(${element} == 0.0)` : `(${element} != 0)`;
  if (from === 'f32') return `${to}FromFloat(${element})`;
  if (to === 'f32') return `f32(${element})`;
  return from === 'bool' ? `${to}(${element})` : `bitcast<${to}>(${element})`;
}

/** `element` brought into the range of a dtype narrower than its scalar type; floats are rounded. */
export function fitted(element: string, dtype: DType): string {
  switch (dtype) {
    case 'f16':
      return `quantizeHalf(${element})`;
    case 'bf16':
      return `bitcast<f32>(bfloat(${element}) << 16u)`;
    case 'u8':
      return `(${element} & 255u)`;
    case 'u4':
      return `(${element} & 15u)`;
    case 'i8':
      return `extractBits(${element}, 0u, 8u)`;
    case 'i4':
      return `extractBits(${element}, 0u, 4u)`;
    default:
      return element;
  }
}
