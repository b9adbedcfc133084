/** Squares below this are lost in the rounding of a matrix whose largest element is near 1, and have lost digits of their own. */
const least = 1e-280;

/** A reflection `I - scale v v^T` that leaves of a vector only `target`, at its first place. */
export interface Reflection {
  /** 0 where there is nothing to reflect. */
  readonly scale: number;
  readonly target: number;
}

/**
 * Writes the vector v of a reflection over the elements from `start` to `end`, which it sends to `target` and zeros; Householder 1958, with the sign of
 * LAPACK, by which nothing cancels.
 */
export function makeReflection(vector: Float64Array, start: number, end: number): Reflection {
  const first = vector[start] as number;
  let rest = 0;
  for (let i = start + 1; i < end; i++) rest += (vector[i] as number) ** 2;
  if (rest < least) return { scale: 0, target: first };
  const length = Math.sqrt(rest + first * first);
  const target = first < 0 ? length : -length;
  vector[start] = first - target;
  return { scale: 2 / (rest + (first - target) ** 2), target };
}
