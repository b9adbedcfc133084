/**
 * How many directions count: the exponential of the entropy of the singular values' shares of their sum. O. Roy and M.
 * Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
 *
 * @returns from 1 to the number of values that are not 0; 0 if there are none.
 */
export function effectiveRank(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  if (total === 0) return 0;
  const entropy = values.reduce((sum, value) => {
    const share = value / total;
    return share === 0 ? sum : sum - share * Math.log(share);
  }, 0);
  return Math.exp(entropy);
}
