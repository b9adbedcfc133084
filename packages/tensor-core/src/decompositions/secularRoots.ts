/** The roots of `1 + sum_j weights_j / (poles_j^2 - root^2) = 0`: one above each pole. */
export interface SecularRoots {
  readonly roots: Float64Array;
  /** [root, pole]: `poles_j^2 - root_i^2`, to full relative accuracy. */
  readonly apart: Float64Array;
}

/**
 * Each root is found as its distance from the pole next to it, so that differences keep their digits. In place of the function
 * stands one with its value, its slopes on both sides and the two poles around the root, again and again; a step out of the
 * bracket is replaced by one that divides it: Li, "Solving secular equations stably and efficiently", 1993.
 *
 * @param poles ascending, distinct, not negative.
 * @param weights positive.
 */
export function secularRoots(poles: Float64Array, weights: Float64Array): SecularRoots {
  const count = poles.length;
  const roots = new Float64Array(count);
  const apart = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    const shifted = apart.subarray(i * count, (i + 1) * count);
    const { pole, shift } = rootAbove(i, poles, weights, shifted);
    for (let j = 0; j < count; j++) shifted[j] = (shifted[j] as number) - shift;
    const base = poles[pole] as number;
    roots[i] = base + shift / (base + Math.sqrt(base * base + shift));
  }
  return { roots, apart };
}

/**
 * The square of the root above pole i, as `poles_pole^2 + shift`.
 *
 * @param shifted Where the squares of the poles are written, less that of the pole.
 */
function rootAbove(
  i: number,
  poles: Float64Array,
  weights: Float64Array,
  shifted: Float64Array,
): { pole: number; shift: number } {
  shiftTo(shifted, poles, i);
  if (i + 1 === poles.length) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return {
      pole: i,
      shift: solve(shifted, weights, i, { low: 0, high: 2 * total, at: total / 2 }),
    };
  }
  const gap = shifted[i + 1] as number;
  const { below, above } = evaluate(shifted, weights, i, gap / 2);
  const atMiddle = 1 + below + above;
  // What the sum has beside the two poles around the root hardly changes between them.
  const [here, next] = [weights[i] as number, weights[i + 1] as number];
  const rest = atMiddle - (2 * (next - here)) / gap;
  if (atMiddle >= 0) {
    const at = smallerRoot(rest, rest * gap + here + next, here * gap);
    return { pole: i, shift: solve(shifted, weights, i, { low: 0, high: gap / 2, at }) };
  }
  shiftTo(shifted, poles, i + 1);
  const at = smallerRoot(rest, here + next - rest * gap, -next * gap);
  return { pole: i + 1, shift: solve(shifted, weights, i, { low: -gap / 2, high: 0, at }) };
}

function shiftTo(shifted: Float64Array, poles: Float64Array, pole: number): void {
  const base = poles[pole] as number;
  for (let j = 0; j < poles.length; j++) {
    const other = poles[j] as number;
    shifted[j] = (other - base) * (other + base);
  }
}

interface Bracket {
  readonly low: number;
  readonly high: number;
  /** The first guess. */
  readonly at: number;
}

function solve(poles: Float64Array, weights: Float64Array, i: number, bracket: Bracket): number {
  let { low, high, at } = bracket;
  if (!(at > low && at < high)) at = divide(low, high);
  for (let step = 0; step < 100; step++) {
    const { below, above, slopeBelow, slopeAbove } = evaluate(poles, weights, i, at);
    const value = 1 + below + above;
    if (Math.abs(value) <= 8 * Number.EPSILON * (1 - below + above)) break;
    if (value < 0) low = at;
    else high = at;
    const toHere = (poles[i] as number) - at;
    let next: number;
    if (i + 1 === poles.length) next = at + (toHere * value) / (value - toHere * slopeBelow);
    else {
      const toNext = (poles[i + 1] as number) - at;
      const rest = value - toHere * slopeBelow - toNext * slopeAbove;
      const linear = (toHere + toNext) * value - toHere * toNext * (slopeBelow + slopeAbove);
      next = at + smallerRoot(rest, linear, toHere * toNext * value);
    }
    if (!(next > low && next < high)) next = divide(low, high);
    if (!(next > low && next < high)) break;
    at = next;
  }
  return at;
}

/** The parts of the sum up to pole i and after it, and their slopes. */
function evaluate(
  poles: Float64Array,
  weights: Float64Array,
  i: number,
  at: number,
): { below: number; above: number; slopeBelow: number; slopeAbove: number } {
  let [below, above, slopeBelow, slopeAbove] = [0, 0, 0, 0];
  for (let j = 0; j <= i; j++) {
    const inverse = 1 / ((poles[j] as number) - at);
    const term = (weights[j] as number) * inverse;
    below += term;
    slopeBelow += term * inverse;
  }
  for (let j = poles.length - 1; j > i; j--) {
    const inverse = 1 / ((poles[j] as number) - at);
    const term = (weights[j] as number) * inverse;
    above += term;
    slopeAbove += term * inverse;
  }
  return { below, above, slopeBelow, slopeAbove };
}

/** Of `square x^2 - linear x + constant`, the root that stays when `square` is 0. */
function smallerRoot(square: number, linear: number, constant: number): number {
  const between = Math.sqrt(Math.max(linear * linear - 4 * square * constant, 0));
  return linear > 0 ? (2 * constant) / (linear + between) : (linear - between) / (2 * square);
}

/** Between two bounds of one sign by their ratio; from 0, not far. */
function divide(low: number, high: number): number {
  if (low === 0) return high / 1024;
  if (high === 0) return low / 1024;
  const middle = Math.sqrt(Math.abs(low)) * Math.sqrt(Math.abs(high));
  return low < 0 ? -middle : middle;
}
