import { type ErrorCode, isLorikeetError } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { type Dice, diceOf } from './mutate.ts';

const seconds = Number(process.env.LORIKEET_FUZZ_SECONDS ?? 5);
const givenSeed = process.env.LORIKEET_FUZZ_SEED;

/** One changed input: whether it was taken. It throws for anything but a refusal of the kinds that are meant. */
export type Attack = (dice: Dice) => Promise<boolean>;

export interface Fuzzing {
  /** The file of the test, for the line that replays a case. */
  readonly file: string;
  readonly attack: Attack;
  /** The part of the time that this has. Defaults to all of it. */
  readonly share?: number;
  /** Where it starts, unless the environment says. Defaults to chance. */
  readonly seed?: number;
  /** Bytes that a case may hold in buffers. Defaults to 1 MiB: no input is longer than some kilobytes. */
  readonly bytes?: number;
}

/**
 * A test that gives a parser changed inputs, case after case, for as long as `LORIKEET_FUZZ_SECONDS` says. Each case is made
 * from its own seed; it must be quick, and must not allocate.
 */
export function fuzz(title: string, { file, attack, ...options }: Fuzzing): void {
  const { share = 1, seed = Math.floor(Math.random() * 2 ** 31), bytes = 2 ** 20 } = options;
  const replay = (one: number): string =>
    `LORIKEET_FUZZ_SECONDS=0 LORIKEET_FUZZ_SEED=${one} npx vitest run ${file}`;
  const attackOnce = async (one: number): Promise<boolean> => {
    const start = performance.now();
    const before = process.memoryUsage().arrayBuffers;
    try {
      const isTaken = await attack(diceOf(one));
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(bytes);
      expect(performance.now() - start).toBeLessThan(10_000);
      return isTaken;
    } catch (cause) {
      throw new Error(`the case of seed ${one} failed. Replay: ${replay(one)}`, { cause });
    }
  };
  test(
    title,
    async () => {
      const first = Number(givenSeed ?? seed);
      console.info(`fuzzing ${title}: ${first}. Replay: ${replay(first)}`);
      const end = performance.now() + seconds * share * 1000;
      let [cases, taken] = [0, 0];
      do {
        if (await attackOnce(first + cases)) taken++;
        cases++;
        // Lets the test runner hear that the test is alive.
        if (cases % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      } while (performance.now() < end);
      console.info(`fuzzing ${title}: ${cases} cases, of which ${taken} were taken as valid`);
      expect(cases).toBeGreaterThan(seconds * share);
      if (seconds >= 5) expect(taken).toBeGreaterThan(cases / 100);
    },
    seconds * 1000 + 60_000,
  );
}

/** What is made, or nothing if it is refused in one of these ways. */
export async function refusedOr<Value>(
  make: () => Value | Promise<Value>,
  codes: readonly ErrorCode[],
): Promise<Value | undefined> {
  try {
    return await make();
  } catch (error) {
    if (codes.some((code) => isLorikeetError(error, code))) return undefined;
    throw error;
  }
}
