import { writeFile } from 'node:fs/promises';

export interface Timing {
  readonly median_s: number;
  readonly min_s: number;
  readonly runs: number;
}

/** Runs `work` until it has taken `seconds` in all and three runs at least, after one that does not count. */
export async function measure(work: () => Promise<void>, seconds: number): Promise<Timing> {
  const [timing] = await measureInTurn(work, async () => {}, seconds);
  return timing;
}

/** Runs two pieces of work in turn, so that both meet the same minutes, until the first has taken `seconds` in all. */
export async function measureInTurn(
  ours: () => Promise<void>,
  theirs: () => Promise<void>,
  seconds: number,
): Promise<[ours: Timing, theirs: Timing]> {
  return (await measureAll([ours, theirs], seconds)) as [Timing, Timing];
}

/** Runs pieces of work in turn until the first has taken `seconds` in all and each has run three times. */
export async function measureAll(
  works: readonly (() => Promise<void>)[],
  seconds: number,
): Promise<Timing[]> {
  const all = works.map((work) => ({ work, times: [] as number[] }));
  for (const { work } of all) await work();
  let total = 0;
  while (total < seconds || (all[0]?.times.length ?? 0) < 3) {
    for (const { work, times } of all) {
      const start = performance.now();
      await work();
      times.push((performance.now() - start) / 1000);
    }
    total += all[0]?.times.at(-1) ?? 0;
  }
  return all.map(({ times }) => timingOf(times));
}

function timingOf(times: readonly number[]): Timing {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    median_s: sorted[Math.floor(sorted.length / 2)] ?? 0,
    min_s: sorted[0] ?? 0,
    runs: sorted.length,
  };
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

/** The most memory that the process has held. */
export function peakRssMib(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
