import {
  add,
  eigh,
  evaluate,
  leadingSvd,
  memoryScope,
  normal,
  qr,
  randomKey,
  svd,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measureAll, report } from './measure.ts';
import { openBackend } from './openBackend.ts';
import { countOption, countsOption, positiveOption } from './options.ts';
import { startPython } from './peers/pythonPeer.ts';

type Decompose = (x: Tensor) => readonly Tensor[];

/** A rival has the whole of a thin svd for its first 8 values, too. */
const decompositions: Readonly<Record<string, Decompose>> = {
  svd: (x) => Object.values(svd(x)),
  leadingSvd: (x) => Object.values(leadingSvd(x, 8)),
  eigh: (x) => Object.values(eigh(x)),
  qr: (x) => Object.values(qr(x)),
};

interface SvdFlags {
  readonly of: string;
  readonly size: readonly number[];
  readonly seconds: number;
  readonly peer?: string;
  readonly python: string;
  readonly threads: number;
  readonly json?: string;
}

export function svdCommand(): Command {
  return new Command('svd')
    .description('Decompose one f32 matrix of noise, which every backend does on the host.')
    .addOption(
      new Option('--of <name>', 'the decomposition')
        .choices(Object.keys(decompositions))
        .default('svd'),
    )
    .option('--size <list>', 'rows and columns', countsOption, [768, 768])
    .option('--seconds <n>', 'time to measure for', positiveOption, 5)
    .addOption(new Option('--peer <name>', 'measure a rival in turn with us').choices(['pytorch']))
    .option('--python <path>', 'a Python with torch', 'python3')
    .option('--threads <n>', "the rival's threads; we have one", countOption, 1)
    .option('--json <file>', 'write the figures')
    .action(async (flags: SvdFlags) => {
      await report(await measureSvd(flags), flags.json);
    });
}

async function measureSvd(flags: SvdFlags): Promise<Record<string, unknown>> {
  const [rows = 768, columns = rows] = flags.size;
  await openBackend({ backend: 'reference', threads: 1 });
  const decompose = decompositions[flags.of] ?? (() => []);
  const drawn = normal(randomKey(0), [rows, columns]);
  const x = await evaluate(flags.of === 'eigh' ? add(drawn, swapAxes(drawn)) : drawn);
  const work = async (): Promise<void> => {
    using _scope = memoryScope();
    await evaluate(decompose(x));
  };
  const order = { of: flags.of, shape: [rows, columns], threads: flags.threads };
  const peer =
    flags.peer === undefined ? undefined : startPython(flags.python, './pytorch_svd.py', order);
  const version = peer && ((await peer.read()) as { readonly version: string }).version;
  // What is not there takes no time.
  const rivalWork = async (): Promise<number> =>
    peer === undefined
      ? flags.seconds
      : ((await peer.ask('run')) as { readonly seconds: number }).seconds;
  const [timing, rival] = await measureAll([work, rivalWork], flags.seconds);
  const figures = { of: flags.of, shape: [rows, columns], ...timing };
  if (peer === undefined) return { ...figures, cores_busy_elsewhere: coresBusyElsewhere() };
  const { cpu_s } = (await peer.ask('end')) as { readonly cpu_s: number };
  peer.close();
  return {
    ...figures,
    rivals: [
      {
        name: 'pytorch',
        version,
        threads: flags.threads,
        ...rival,
        ratio: rival.median_s / timing.median_s,
      },
    ],
    cores_busy_elsewhere: coresBusyElsewhere(cpu_s),
  };
}
