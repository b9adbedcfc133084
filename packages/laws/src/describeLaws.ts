import type { Law, LawOptions } from './law.ts';

/** The two functions that a suite needs of a test runner: those of vitest, jest and `node:test` fit. */
export interface TestRunner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly test: (title: string, body: () => Promise<void>) => unknown;
}

/**
 * Registers one test for each law.
 *
 * @param title what the laws are about; it is the subject of each law's name.
 * @param options how often each law is tried; without it each law's own default.
 * @example
 * import { describe, test } from 'vitest';
 * describeLaws('tanh', opLaws(tanhOp), { describe, test });
 */
export function describeLaws(
  title: string,
  laws: readonly Law[],
  { describe, test }: TestRunner,
  options: LawOptions = {},
): void {
  describe(title, () => {
    for (const { name, check } of laws) test(name, () => check(options));
  });
}
