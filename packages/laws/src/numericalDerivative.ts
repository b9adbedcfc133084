import fc from 'fast-check';
import { requireClose } from './closeness.ts';

const firstStep = 4e-3;
const rows = 9;

/** A derivative by differences, and by how much two estimates of it disagreed. */
export interface NumericalDerivative {
  readonly value: number;
  readonly error: number;
}

/**
 * The derivative of `fn` at 0 by central differences, extrapolated to step 0 (Ridders 1982): steps are
 * halved until two estimates agree to about ten digits, or digits begin to get lost.
 *
 * @param fn is called at places up to 0.004 from 0, and has to be smooth there.
 */
export async function numericalDerivative(
  fn: (t: number) => Promise<number>,
): Promise<NumericalDerivative> {
  let previous: number[] = [];
  let best = Number.NaN;
  let error = Number.POSITIVE_INFINITY;
  let step = firstStep;
  for (let row = 0; row < rows; row++, step /= 2) {
    const estimates = [((await fn(step)) - (await fn(-step))) / (2 * step)];
    let factor = 1;
    for (let column = 1; column <= row; column++) {
      factor *= 4;
      const [finer, coarser] = [estimates[column - 1] as number, previous[column - 1] as number];
      const estimate = (factor * finer - coarser) / (factor - 1);
      estimates.push(estimate);
      const disagreement = Math.max(Math.abs(estimate - finer), Math.abs(estimate - coarser));
      if (disagreement < error) [best, error] = [estimate, disagreement];
    }
    if (error <= 1e-10 * Math.max(1, Math.abs(best))) break;
    previous = estimates;
  }
  return { value: best, error };
}

/**
 * Requires that `analytic` is the derivative of `fn` at 0, within `tolerance` times its size (or times 1 if
 * it is smaller) and ten times the disagreement of the differences. Where they disagree by more than a
 * thousandth, `fn` is too steep for them: fast-check draws another case, and fails if it has to too often.
 */
export async function requireDerivative(
  what: string,
  analytic: number,
  fn: (t: number) => Promise<number>,
  tolerance: number,
): Promise<void> {
  const { value, error } = await numericalDerivative(fn);
  const disagreement = error / Math.max(1, Math.abs(value));
  fc.pre(Number.isNaN(value) || disagreement <= 1e-3);
  requireClose(what, [analytic], [value], tolerance + 10 * disagreement);
}
