type Numbers = ArrayLike<number>;

/** Requires equal numbers: NaN equals NaN, and 0 equals -0. */
export function requireSame(what: string, actual: Numbers, expected: Numbers): void {
  compare(what, actual, expected, (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b)));
}

/**
 * Requires numbers that differ by no more than `tolerance` times the largest magnitude expected, or times 1
 * if all are smaller. Where a number that is not finite is expected, it must be that one.
 */
export function requireClose(
  what: string,
  actual: Numbers,
  expected: Numbers,
  tolerance: number,
): void {
  let scale = 1;
  for (let i = 0; i < expected.length; i++) {
    const size = Math.abs(expected[i] as number);
    if (Number.isFinite(size)) scale = Math.max(scale, size);
  }
  compare(
    what,
    actual,
    expected,
    (a, b) => Object.is(a, b) || Math.abs(a - b) <= tolerance * scale,
    ` within ${tolerance * scale}`,
  );
}

function compare(
  what: string,
  actual: Numbers,
  expected: Numbers,
  agree: (a: number, b: number) => boolean,
  bound = '',
): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} elements instead of ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i] as number, expected[i] as number];
    if (!agree(a, b)) throw new Error(`${what}: element ${i} is ${a} instead of ${b}${bound}`);
  }
}
