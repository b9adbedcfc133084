import { writeFile } from 'node:fs/promises';

/** One run of a kernel on a device, as a profiler of a backend saw it. */
export interface KernelRun {
  readonly name: string;
  /** Of the module that it was made for. */
  readonly path: string;
  readonly start_ns: number;
  readonly duration_ns: number;
  /** Read and written at the least. */
  readonly bytes: number;
  readonly flops: number;
}

/** What a device can do at best. */
export interface Roofline {
  readonly flops_per_s: number;
  readonly bytes_per_s: number;
}

/** Of all runs of a kernel. */
interface KernelTotal {
  readonly name: string;
  readonly calls: number;
  readonly milliseconds: number;
  readonly bytes: number;
  readonly flops: number;
  /** The least time that the device could need, by arithmetic or by memory, over the time that it needed. */
  readonly roofline_share: number;
}

/** Writes runs as a trace that Chrome's `about:tracing` and Perfetto show. */
export async function writeTrace(
  file: string,
  runs: readonly KernelRun[],
  device: string,
): Promise<void> {
  const start = runs.reduce((least, { start_ns }) => Math.min(least, start_ns), Infinity);
  const place = { pid: 1, tid: 1 };
  const events = runs.map(({ name, path, start_ns, duration_ns, bytes, flops }) => ({
    ph: 'X',
    name,
    cat: 'kernel',
    // In microseconds.
    ts: (start_ns - start) / 1000,
    dur: duration_ns / 1000,
    ...place,
    args: { path, bytes, flops },
  }));
  const names = [
    { ph: 'M', name: 'process_name', ...place, args: { name: device } },
    { ph: 'M', name: 'thread_name', ...place, args: { name: 'queue' } },
  ];
  await writeFile(file, `${JSON.stringify({ traceEvents: [...names, ...events] })}\n`);
}

/** The kernels of so many steps, those that take longest first; all per step. */
export function kernelTotals(
  runs: readonly KernelRun[],
  steps: number,
  { flops_per_s, bytes_per_s }: Roofline,
): readonly KernelTotal[] {
  const groups = new Map<string, KernelRun[]>();
  for (const run of runs) {
    const same = groups.get(run.name);
    if (same === undefined) groups.set(run.name, [run]);
    else same.push(run);
  }
  return [...groups]
    .map(([name, same]): KernelTotal => {
      const sum = (field: 'duration_ns' | 'bytes' | 'flops'): number =>
        same.reduce((total, run) => total + run[field], 0) / steps;
      const [nanoseconds, bytes, flops] = [sum('duration_ns'), sum('bytes'), sum('flops')];
      const least = Math.max(flops / flops_per_s, bytes / bytes_per_s);
      return {
        name,
        calls: same.length / steps,
        milliseconds: nanoseconds / 1e6,
        bytes,
        flops,
        roofline_share: nanoseconds === 0 ? 0 : least / (nanoseconds / 1e9),
      };
    })
    .toSorted((a, b) => b.milliseconds - a.milliseconds);
}

/** Prints a table of kernels. */
export function printKernels(totals: readonly KernelTotal[], roofline: Roofline): void {
  const all = totals.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(
    `kernels, of ${all.toFixed(2)} ms a step; the device does at best ${(roofline.flops_per_s / 1e9).toFixed(1)} GFLOP/s and ${(roofline.bytes_per_s / 1e9).toFixed(1)} GB/s:`,
  );
  console.log('       ms      %  calls       MB   GFLOP  roofline  kernel');
  for (const { name, calls, milliseconds, bytes, flops, roofline_share } of totals)
    console.log(
      [
        milliseconds.toFixed(3).padStart(9),
        ((100 * milliseconds) / all).toFixed(1).padStart(6),
        calls.toFixed(calls % 1 === 0 ? 0 : 1).padStart(6),
        (bytes / 1e6).toFixed(2).padStart(8),
        (flops / 1e9).toFixed(3).padStart(7),
        `${(100 * roofline_share).toFixed(0)} %`.padStart(9),
        ` ${name}`,
      ].join(' '),
    );
}
