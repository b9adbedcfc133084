import type { Scalar } from './scalars.ts';

/**
 * A number (u32) that has among others the order of an element. NaN counts as largest, all NaNs are equal, and so are
 * both zeros.
 */
export function orderedBits(element: string, scalar: Scalar, descending: boolean): string {
  const bits = rising(element, scalar);
  return descending ? `~${bits}` : bits;
}

function rising(element: string, scalar: Scalar): string {
  switch (scalar) {
    case 'f32':
      return `orderOfFloat(${element})`;
    case 'i32':
      return `(bitcast<u32>(${element}) ^ 0x80000000u)`;
    case 'u32':
      return `${element}`;
    case 'bool':
      return `u32(${element})`;
  }
}
