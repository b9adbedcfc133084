const firstStep = 4e-3;
const rows = 9;

/**
 * The derivative of `fn` at 0 by central differences, extrapolated to step 0 (Ridders 1982): steps are
 * halved until two estimates agree to about ten digits, or digits begin to get lost.
 *
 * @param fn is called at places up to 0.004 from 0, and has to be smooth there.
 */
export async function numericalDerivative(fn: (t: number) => Promise<number>): Promise<number> {
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
  return best;
}
