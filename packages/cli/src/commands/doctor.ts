import { arch, cpus, platform, totalmem } from 'node:os';
import { isLorikeetError } from '@lorikeet/tensor-core';
import { Command } from 'commander';
import { providers, useBackendOption } from '../backends.ts';
import { CommandFailed } from '../commandFailed.ts';

interface DoctorReport {
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly memory_mib: number;
  readonly backends: readonly {
    readonly name: string;
    readonly available: boolean;
    readonly reason: string;
  }[];
  readonly chosen: string | null;
  readonly why: string;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say what this machine has, which backend would be used, and why.')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: true }) => {
      const report = await examine();
      console.log(json ? JSON.stringify(report) : format(report));
      if (report.chosen === null) throw new CommandFailed();
    });
}

async function examine(): Promise<DoctorReport> {
  const backends = await Promise.all(
    providers.map(async (provider) => ({ name: provider.name, ...(await provider.probe()) })),
  );
  return {
    node: process.version,
    platform: `${platform()} ${arch()}`,
    cores: cpus().length,
    memory_mib: Math.round(totalmem() / 2 ** 20),
    backends,
    ...(await choose()),
  };
}

async function choose(): Promise<{ chosen: string | null; why: string }> {
  const wanted = process.env.LORIKEET_BACKEND || undefined;
  try {
    const { name } = await useBackendOption(undefined);
    return {
      chosen: name,
      why: wanted === undefined ? 'the best that can run here' : 'LORIKEET_BACKEND asks for it',
    };
  } catch (error) {
    if (!isLorikeetError(error)) throw error;
    return { chosen: null, why: error.summary };
  }
}

function format(report: DoctorReport): string {
  return [
    `node      ${report.node} on ${report.platform}, ${report.cores} cores, ${report.memory_mib} MiB`,
    ...report.backends.map(
      ({ name, available, reason }) => `backend   ${name}: ${available ? 'yes' : 'no'} (${reason})`,
    ),
    `chosen    ${report.chosen ?? 'none'} (${report.why})`,
  ].join('\n');
}
