import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Timing {
  readonly median_s: number;
  readonly min_s: number;
  readonly runs: number;
}

/** What is measured. What runs in another process gives its own seconds, without the way there and back. */
export type Work = () => Promise<unknown>;

/** Runs `work` until it has taken `seconds` in all and three runs at least, after one that does not count. */
export async function measure(work: Work, seconds: number): Promise<Timing> {
  const [timing] = await measureAll([work], seconds);
  return timing;
}

/** How many turns each piece of work has at least, unless one run is longer than a turn. */
const turns = 8;

/** The threads of ONNX Runtime look for work on a core each for 40 to 50 ms after a run; those of OpenMP do so, too. */
const restMilliseconds = 100;

/**
 * Runs pieces of work in turn, so that all meet the same minutes, until the first has taken `seconds` in all and three
 * runs at least. A turn is many runs if they are short, and begins when the threads of the one before sleep: run by
 * run, each would have to share its cores with the other's idle threads.
 */
export async function measureAll<const Works extends readonly Work[]>(
  works: Works,
  seconds: number,
): Promise<{ readonly [K in keyof Works]: Timing }> {
  const all = works.map((work) => ({ work, times: [] as number[], total: 0 }));
  for (const { work } of all) await work();
  const isDone = (one: { readonly times: readonly number[]; readonly total: number }): boolean =>
    one.total >= seconds && one.times.length >= 3;
  while (!all.slice(0, 1).every(isDone)) {
    for (const one of all) {
      if (all.length > 1) await sleep(restMilliseconds);
      const end = one.total + seconds / turns;
      do {
        const start = performance.now();
        const own = await one.work();
        const time = typeof own === 'number' ? own : (performance.now() - start) / 1000;
        one.times.push(time);
        one.total += time;
      } while (one.total < end);
    }
  }
  return all.map(({ times }) => timingOf(times)) as { readonly [K in keyof Works]: Timing };
}

function timingOf(times: readonly number[]): Timing {
  return {
    median_s: medianOf(times),
    min_s: times.reduce((least, time) => Math.min(least, time)),
    runs: times.length,
  };
}

/** The middle one; of an even number, the larger of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Prints a record of figures, and writes it to a file if one is named. */
export async function report(
  figures: Readonly<Record<string, unknown>>,
  file: string | undefined,
): Promise<void> {
  for (const [name, value] of Object.entries(figures))
    console.log(`${name}: ${JSON.stringify(value)}`);
  if (file !== undefined) await writeFile(file, `${JSON.stringify(figures)}\n`);
}

const status = '/proc/self/status';

/** The most memory that the process has held. */
export function peakRssMib(): number {
  // On Linux `getrusage` starts a process with what its parent held, so that a rival started by us would never need less.
  const [, kib] =
    /^VmHWM:\s*(\d+)/m.exec(existsSync(status) ? readFileSync(status, 'utf8') : '') ?? [];
  return Math.round(Number(kib ?? process.resourceUsage().maxRSS) / 1024);
}
