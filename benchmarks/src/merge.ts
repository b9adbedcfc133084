import { combine, Linear, partition } from '@lorikeet/nn';
import { adapt, isTrainable, merge } from '@lorikeet/peft-lora';
import {
  add,
  currentBackend,
  evaluate,
  mapTensors,
  memoryScope,
  mul,
  normal,
  randomKey,
} from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measureAll, peakRssMib, report } from './measure.ts';
import { adapterFigures, openBackend } from './openBackend.ts';
import { countOption, positiveOption } from './options.ts';
import { type PythonPeer, startPython } from './peers/pythonPeer.ts';
import { methodNamed, peftConfigOf, variantNames } from './variants.ts';

interface MergeFlags {
  readonly variant: readonly string[];
  readonly in: number;
  readonly out: number;
  readonly rank: number;
  readonly seconds: number;
  readonly backend?: string;
  readonly peer?: string;
  readonly python: string;
  readonly threads: number;
  readonly json?: string;
}

export function mergeCommand(): Command {
  return new Command('merge')
    .description('Merge an adapter into one linear weight: every method, in turn with PEFT.')
    .addOption(
      new Option('--variant <names...>', 'the methods').choices(variantNames).default(variantNames),
    )
    .option('--in <n>', 'inputs of the layer', countOption, 3072)
    .option('--out <n>', 'its outputs', countOption, 768)
    .option('--rank <n>', 'rank of the update, where the method has one', countOption, 8)
    .option('--seconds <n>', 'time to measure each method for', positiveOption, 2)
    .option('--backend <name>', 'onnx, webgpu or reference')
    .addOption(new Option('--peer <name>', 'measure a rival in turn with us').choices(['pytorch']))
    .option('--python <path>', 'a Python with torch, transformers and peft', 'python3')
    .option('--threads <n>', "our threads, and the rival's", countOption, 2)
    .option('--json <file>', 'write the figures')
    .action(async (flags: MergeFlags) => {
      await report(await measureMerges(flags), flags.json);
    });
}

async function measureMerges(flags: MergeFlags): Promise<Record<string, unknown>> {
  await openBackend(flags);
  const methods: Record<string, unknown>[] = [];
  let rivalSeconds = 0;
  for (const variant of flags.variant) {
    const { cpu_s, ...figures } = await measureMerge(variant, flags);
    rivalSeconds += cpu_s;
    console.log(JSON.stringify(figures));
    methods.push(figures);
  }
  return {
    backend: currentBackend().name,
    ...adapterFigures(currentBackend()),
    shape: [flags.out, flags.in],
    rank: flags.rank,
    threads: flags.threads,
    peak_rss_mib: peakRssMib(),
    cores_busy_elsewhere: coresBusyElsewhere(rivalSeconds),
    slower_than_rival: methods.flatMap(({ variant, ratio }) =>
      typeof ratio === 'number' && ratio < 1 ? [variant] : [],
    ),
    methods,
  };
}

/** Our time to merge, and PEFT's, which gives its own. */
async function measureMerge(
  variant: string,
  { in: inFeatures, out: outFeatures, rank, seconds, peer: name, python, threads }: MergeFlags,
): Promise<{ readonly cpu_s: number } & Record<string, unknown>> {
  const layer = Linear.init({ inFeatures, outFeatures }, randomKey(0));
  const fresh = adapt({ layer }, { layer: methodNamed(variant, rank) });
  const [live, frozen] = partition(fresh, isTrainable);
  // As after training: what does nothing at first does something.
  const trained = mapTensors(live, (leaf) =>
    add(leaf, mul(normal(randomKey(1), leaf.shape), 0.01)),
  );
  const tuned = await evaluate(combine(trained, frozen));
  const work = async (): Promise<void> => {
    using _scope = memoryScope();
    await evaluate(merge(tuned));
  };
  const peer =
    name === undefined
      ? undefined
      : await startMerging(python, {
          in: inFeatures,
          out: outFeatures,
          threads,
          adapter: peftConfigOf(tuned),
        });
  // What is not there takes no time.
  const rivalWork = async (): Promise<number> =>
    peer === undefined ? seconds : await peer.merge();
  const [timing, rival] = await measureAll([work, rivalWork], seconds);
  const ours = { variant, ...timing };
  if (peer === undefined) return { cpu_s: 0, ...ours };
  const { version, cpu_s } = await peer.end();
  return {
    cpu_s,
    ...ours,
    rival: { version, ...rival },
    ratio: rival.median_s / timing.median_s,
    ratio_of_min: rival.min_s / timing.min_s,
  };
}

async function startMerging(python: string, order: unknown) {
  const peer: PythonPeer = startPython(python, './pytorch_merge.py', order);
  const { version } = (await peer.read()) as { readonly version: string };
  return {
    /** Its own seconds. */
    async merge(): Promise<number> {
      return ((await peer.ask('merge')) as { readonly seconds: number }).seconds;
    },
    async end(): Promise<{ readonly version: string; readonly cpu_s: number }> {
      const { cpu_s } = (await peer.ask('end')) as { readonly cpu_s: number };
      peer.close();
      return { version, cpu_s };
    },
  };
}
