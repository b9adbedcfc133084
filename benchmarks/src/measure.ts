import { writeFile } from 'node:fs/promises';

export interface Timing {
  readonly median_s: number;
  readonly min_s: number;
  readonly runs: number;
}

/** Runs `work` until it has taken `seconds` in all and three runs at least, after one that does not count. */
export async function measure(work: () => Promise<void>, seconds: number): Promise<Timing> {
  await work();
  const times: number[] = [];
  let total = 0;
  while (total < seconds || times.length < 3) {
    const start = performance.now();
    await work();
    const time = (performance.now() - start) / 1000;
    times.push(time);
    total += time;
  }
  times.sort((a, b) => a - b);
  return {
    median_s: times[Math.floor(times.length / 2)] ?? 0,
    min_s: times[0] ?? 0,
    runs: times.length,
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
