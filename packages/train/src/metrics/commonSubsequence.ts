/**
 * The places in `wanted` of a longest common subsequence with `given`. Where there are several, the one that is found
 * from the end by going back in `wanted` unless only going back in `given` keeps the length, as in ROUGE's package.
 */
export function commonSubsequence(wanted: readonly string[], given: readonly string[]): number[] {
  const width = given.length + 1;
  const lengths = new Uint32Array((wanted.length + 1) * width);
  const lengthAt = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = 1; i <= wanted.length; i++) {
    for (let j = 1; j <= given.length; j++) {
      lengths[i * width + j] =
        wanted[i - 1] === given[j - 1]
          ? lengthAt(i - 1, j - 1) + 1
          : Math.max(lengthAt(i - 1, j), lengthAt(i, j - 1));
    }
  }
  const places: number[] = [];
  let [i, j] = [wanted.length, given.length];
  while (i > 0 && j > 0) {
    if (wanted[i - 1] === given[j - 1]) {
      places.push(i - 1);
      i -= 1;
      j -= 1;
    } else if (lengthAt(i, j - 1) > lengthAt(i - 1, j)) j -= 1;
    else i -= 1;
  }
  return places.reverse();
}
