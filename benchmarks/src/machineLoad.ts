import { cpus } from 'node:os';

const begin = { busy: busySeconds(), time: performance.now() };

/**
 * How many cores other processes have kept busy on average since the benchmark began. Above 0.1 the times mean little.
 *
 * @param rivalSeconds what a rival in a process of its own has taken, in seconds of processor time.
 */
export function coresBusyElsewhere(rivalSeconds = 0): number {
  const { user, system } = process.cpuUsage();
  const others = busySeconds() - begin.busy - (user + system) / 1e6 - rivalSeconds;
  const cores = Math.max(others / ((performance.now() - begin.time) / 1000), 0);
  if (cores > 0.1) console.error(`Others kept ${cores.toFixed(1)} cores busy: measure again.`);
  return cores;
}

function busySeconds(): number {
  return (
    cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) /
    1000
  );
}
