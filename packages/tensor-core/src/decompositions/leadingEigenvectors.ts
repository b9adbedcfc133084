import { reflectRows } from './reflectRows.ts';
import { rowsOf } from './rowsOf.ts';
import { tridiagonalize } from './tridiagonalize.ts';

/**
 * Orthonormal eigenvectors of the largest eigenvalues of a symmetric matrix: it is made tridiagonal by reflections
 * (Householder 1958), eigenvalues are found by bisection, and vectors by inverse iteration.
 *
 * @param matrix [side, side], of which the part from the diagonal to the right is read. It is written over.
 * @returns [count, side], the largest eigenvalue first.
 */
export function leadingEigenvectors(
  matrix: Float64Array,
  side: number,
  count: number,
): Float64Array {
  const { diagonal, beside, reflections } = tridiagonalize(matrix, side);
  const below = new Float64Array(side);
  below.set(beside.subarray(0, side - 1), 1);
  const found: Float64Array[] = [];
  for (let place = 0; place < count; place++) {
    const value = eigenvalue(diagonal, below, place);
    found.push(inverseIteration(diagonal, below, value, found));
  }
  const rows = new Float64Array(count * side);
  for (const [place, vector] of found.entries()) rows.set(vector, place * side);
  reflectRows(rowsOf(rows, side), reflections);
  return rows;
}

/** The eigenvalue of that place from the largest: by how many are below a number, as Sturm counts them. */
function eigenvalue(diagonal: Float64Array, below: Float64Array, place: number): number {
  const side = diagonal.length;
  const radius = diagonal.reduce(
    (most, value, i) =>
      Math.max(most, Math.abs(value) + Math.abs(below[i] ?? 0) + Math.abs(below[i + 1] ?? 0)),
    0,
  );
  let [low, high] = [-radius, radius];
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (side - countBelow(diagonal, below, middle) > place) low = middle;
    else high = middle;
  }
}

function countBelow(diagonal: Float64Array, below: Float64Array, bound: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    const beside = below[i] as number;
    pivot = (diagonal[i] as number) - bound - (beside * beside) / (pivot || Number.MIN_VALUE);
    if (pivot < 0) count++;
  }
  return count;
}

/** A vector of that eigenvalue, orthogonal to those found before. */
function inverseIteration(
  diagonal: Float64Array,
  below: Float64Array,
  value: number,
  found: readonly Float64Array[],
): Float64Array {
  const solve = shiftedSolver(diagonal, below, value);
  let seed = found.length + 1;
  const vector = diagonal.map(() => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed / 2 ** 31;
  });
  for (let step = 0; step < 4; step++) {
    if (step > 0) solve(vector);
    normalize(vector);
    // What rounding leaves of the others after the first time is gone after the second.
    for (let time = 0; time < 2; time++) {
      for (const other of found) {
        const part = dot(vector, other);
        for (let i = 0; i < vector.length; i++)
          vector[i] = (vector[i] as number) - part * (other[i] as number);
      }
      normalize(vector);
    }
  }
  return vector;
}

/** Solves with the tridiagonal matrix less `value`, in place, by elimination with row exchanges. */
function shiftedSolver(
  diagonal: Float64Array,
  below: Float64Array,
  value: number,
): (vector: Float64Array) => void {
  const side = diagonal.length;
  const largest = diagonal.reduce(
    (most, one, i) => Math.max(most, Math.abs(one), below[i] ?? 0),
    0,
  );
  const least = largest === 0 ? 1 : largest * Number.EPSILON;
  const pivots = diagonal.map((one) => one - value);
  const [next, afterNext, factors, swaps] = Array.from(
    { length: 4 },
    () => new Float64Array(side),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  next.set(below.subarray(1));
  for (let i = 0; i < side; i++) {
    const beside = below[i + 1] ?? 0;
    if (Math.abs(beside) > Math.abs(pivots[i] as number)) {
      const [factor, kept] = [(pivots[i] as number) / beside, next[i] as number];
      swaps[i] = 1;
      factors[i] = factor;
      pivots[i] = beside;
      next[i] = pivots[i + 1] as number;
      afterNext[i] = next[i + 1] as number;
      pivots[i + 1] = kept - factor * (next[i] as number);
      next[i + 1] = -factor * (afterNext[i] as number);
    } else {
      // A multiple of the eigenvalue's own rounding in place of nothing.
      if (Math.abs(pivots[i] as number) < least) pivots[i] = least;
      if (i + 1 === side) continue;
      const factor = beside / (pivots[i] as number);
      factors[i] = factor;
      pivots[i + 1] = (pivots[i + 1] as number) - factor * (next[i] as number);
    }
  }
  return (vector) => {
    for (let i = 0; i + 1 < side; i++) {
      const [one, other] = [vector[i] as number, vector[i + 1] as number];
      const first = swaps[i] === 1 ? other : one;
      vector[i] = first;
      vector[i + 1] = (swaps[i] === 1 ? one : other) - (factors[i] as number) * first;
    }
    for (let i = side - 1; i >= 0; i--) {
      const rest =
        (next[i] as number) * (vector[i + 1] ?? 0) +
        (afterNext[i] as number) * (vector[i + 2] ?? 0);
      vector[i] = ((vector[i] as number) - rest) / (pivots[i] as number);
    }
  };
}

function normalize(vector: Float64Array): void {
  // Of what is large first, so that no square overflows.
  const most = vector.reduce((largest, one) => Math.max(largest, Math.abs(one)), 0);
  if (most === 0) return;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / most;
  const length = Math.sqrt(dot(vector, vector));
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
