import type { SiteShape } from '../siteShape.ts';

/** How a side of a weight is cut into blocks: by their size or by their number, of which one is 0. */
export interface BlockChoice {
  /** Features of a block. */
  readonly blockSize: number;
  /** Number of blocks. */
  readonly blockCount: number;
}

/** Features of the side of a weight that is rotated: what it meets of its input; of a table, its width. */
export function rotatedSide({ kind, out, in: inputs, kernel }: SiteShape): number {
  return kind === 'embedding' ? out : kernel.reduce((product, side) => product * side, inputs);
}

/** The divisor of `n` nearest to a number, the smaller one of two; for the choices of OFT that do not divide. */
export function nearestDivisor(n: number, wanted: number): number {
  if (wanted >= n) return n;
  let [lower, higher] = [wanted, wanted];
  while (n % lower !== 0) lower -= 1;
  while (n % higher !== 0) higher += 1;
  return wanted - lower <= higher - wanted ? lower : higher;
}
