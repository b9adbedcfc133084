import { cast, mul, promote, type Tensor } from '@lorikeet/tensor-core';

/** The alpha that a file holds: of those that round to a stored f32, the one with the fewest digits. */
export async function alphaIn(stored: Tensor): Promise<number> {
  const value = await stored.item();
  if (stored.dtype !== 'f32') return value;
  for (let digits = 1; digits <= 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return value;
}

/** In f32 at least, and rounded once. */
export function scaled(value: Tensor, scale: number): Tensor {
  const wide = cast(value, promote(value.dtype, 'f32'));
  return cast(mul(wide, scale), value.dtype);
}
