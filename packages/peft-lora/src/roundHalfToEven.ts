/** The nearest whole number, of two the even one, as Python rounds. */
export function roundHalfToEven(value: number): number {
  return value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}
