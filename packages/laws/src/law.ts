import fc from 'fast-check';

/** How often a law is tried, and which cases. */
export interface LawOptions {
  /** Number of random cases. Each law has a default of its own. */
  readonly runs?: number | undefined;
  /** Makes the cases those of another run; a failure tells its seed. */
  readonly seed?: number | undefined;
  /** Goes straight to one case of the run of `seed`; a failure tells that too. */
  readonly path?: string | undefined;
}

/** A statement that must hold for every case that can be drawn. */
export interface Law {
  /** A sentence without its subject, such as "has a derivative that equals a central difference". */
  readonly name: string;
  /** Tries random cases. Rejects with a `LawViolation` that shows the smallest failing case found. */
  check(options?: LawOptions): Promise<void>;
}

/** Thrown by `Law.check`: a case for which the law does not hold, and how to see it again. */
export class LawViolation extends Error {
  override readonly name = 'LawViolation';
  readonly law: string;
  readonly seed: number;
  readonly path: string;

  constructor(law: string, { seed, counterexamplePath, ...details }: fc.RunDetails<[unknown]>) {
    const path = counterexamplePath ?? '';
    const { counterexample, errorInstance: cause, numRuns, numShrinks } = details;
    const tooFew = `${details.numSkips} of the cases drawn do not fit the law`;
    const reason = cause instanceof Error ? cause.message : tooFew;
    const lines = [
      `the law does not hold: ${law}`,
      `  case:    ${indent(fc.stringify(counterexample?.[0]))}`,
      `  because: ${indent(reason)}`,
      `  after:   ${numRuns} cases, and ${numShrinks} steps to a smaller one`,
      `  replay:  law.check({ seed: ${seed}, path: '${path}' }), or run this test alone with LORIKEET_REPLAY=${seed},${path}`,
    ];
    super(lines.join('\n'), { cause });
    this.law = law;
    this.seed = seed;
    this.path = path;
  }
}

/**
 * A law over the cases of an arbitrary.
 *
 * @param name a sentence without its subject.
 * @param cases draws a case; give it a `[fc.toStringMethod]` to be shown well.
 * @param holds throws, or rejects, if the law does not hold for the case; the message says how.
 * @param runs the default number of cases.
 * @example
 * const evenSum = law('is even when doubled', fc.integer(), (n) => {
 *   if ((2 * n) % 2 !== 0) throw new Error(`${2 * n} is odd`);
 * });
 * await evenSum.check();
 */
export function law<T>(
  name: string,
  cases: fc.Arbitrary<T>,
  holds: (value: T) => Promise<void> | void,
  runs = 40,
): Law {
  return {
    name,
    async check(options = {}) {
      const { seed, path, runs: numRuns = runs } = { ...optionsOfEnvironment(), ...options };
      // As a tuple of unknowns: what was drawn is only shown from here on.
      const property = fc.asyncProperty<[unknown]>(cases, async (value) => {
        await holds(value as T);
      });
      const details = await fc.check(property, {
        numRuns,
        ...(seed === undefined ? {} : { seed }),
        ...(path === undefined ? {} : { path }),
      });
      if (details.failed) throw new LawViolation(name, details);
    },
  };
}

/**
 * `LORIKEET_REPLAY=seed,path`, as a violation prints it, and `LORIKEET_RUNS`, to try much more often;
 * nothing where there is no environment.
 */
function optionsOfEnvironment(): LawOptions {
  const { LORIKEET_REPLAY: replay = '', LORIKEET_RUNS: runs = '' } = globalThis.process?.env ?? {};
  const [seed = '', path = ''] = replay.split(',');
  return {
    ...(runs === '' ? {} : { runs: Number(runs) }),
    ...(seed === '' ? {} : { seed: Number(seed) }),
    ...(path === '' ? {} : { path }),
  };
}

function indent(text: string): string {
  return text.replaceAll('\n', `\n${' '.repeat(11)}`);
}
