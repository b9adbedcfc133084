/**
 * A number as the product of two: `[factor, n / factor]` if the factor divides it, else the pair with the smallest sum
 * whose smaller part is at most the factor; with -1 the pair nearest to the square root. LyCORIS' rule, which decides the
 * shapes of its files.
 */
export function factorize(n: number, factor: number): readonly [number, number] {
  if (factor > 0 && n % factor === 0) return [factor, n / factor];
  const most = factor === -1 ? n : factor;
  // The sum of the parts falls until they meet.
  for (let part = Math.floor(Math.sqrt(n)); part > 1; part--)
    if (part <= most && n % part === 0) return [part, n / part];
  return [1, n];
}
