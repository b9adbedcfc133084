import { currentBackend, LorikeetError } from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { Command, Option } from 'commander';
import { useProfiler } from './backends.ts';
import { countDevice } from './deviceCounts.ts';
import { fullModels } from './fullModels.ts';
import { measureFullStep } from './fullStep.ts';
import { coresBusyElsewhere } from './machineLoad.ts';
import { measureAll, medianOf, peakRssMib, report } from './measure.ts';
import { adapterFigures, openBackend } from './openBackend.ts';
import { countOption, positiveOption } from './options.ts';
import { startPytorch } from './peers/pytorch.ts';
import { printProfile } from './printProfile.ts';
import { productFlops } from './productFlops.ts';
import { type BenchmarkModel, benchmarkModels } from './sizes.ts';
import { stepMethodNames } from './stepMethods.ts';
import { traceKernels } from './traceKernels.ts';
import { type AdapterStep, makeTrainingStep, type StepSizes } from './trainingStep.ts';

interface StepFlags {
  readonly model: string;
  readonly batch?: number;
  readonly seq?: number;
  readonly rank: number;
  readonly variant: string;
  readonly against?: string;
  readonly seconds: number;
  readonly backend?: string;
  readonly peer?: string;
  readonly peers: boolean;
  readonly python: string;
  readonly threads: number;
  readonly profile?: boolean;
  readonly trace?: string;
  readonly json?: string;
}

export function stepCommand(): Command {
  return new Command('step')
    .description(
      'One training step of LoRA or another method: forward, backward, AdamW; no dropout, random weights. With mlp and gpt-small a step of all weights.',
    )
    .addOption(
      new Option('--model <name>', 'sizes of the model')
        .choices([...Object.keys(benchmarkModels), ...Object.keys(fullModels)])
        .default('bert-tiny'),
    )
    .option('--batch <n>', 'rows of a batch; what is usual for the model if not given', countOption)
    .option('--seq <n>', 'tokens of a row; what is usual for the model if not given', countOption)
    .option('--rank <n>', 'rank of the update, where the method has one', countOption, 8)
    .addOption(
      new Option('--variant <name>', "the method, with PEFT's defaults but for the rank")
        .choices(stepMethodNames)
        .default('lora'),
    )
    .addOption(
      new Option('--against <name>', 'measure another method of ours in turn').choices(
        stepMethodNames,
      ),
    )
    .option('--seconds <n>', 'time to measure for', positiveOption, 10)
    .option('--backend <name>', 'onnx, webgpu or reference')
    .addOption(new Option('--peer <name>', 'measure a rival in turn with us').choices(['pytorch']))
    .option('--no-peers', 'mlp and gpt-small on WebGPU without the rivals there')
    .option('--python <path>', 'a Python with torch, transformers and peft', 'python3')
    .option('--threads <n>', "our threads, and the rival's", countOption, 2)
    .option('--profile', 'say which operators of which modules take the time')
    .option(
      '--trace <file>',
      'on WebGPU: write a trace for Chrome, and say which kernels take the time',
    )
    .option('--json <file>', 'write the figures')
    .action(async (flags: StepFlags) => {
      await report(await measureStep(flags), flags.json);
    });
}

async function measureStep(flags: StepFlags): Promise<Record<string, unknown>> {
  const { seconds, threads } = flags;
  const { profile, webgpu } = await useChosenBackend(flags);
  const full = fullModels[flags.model]?.();
  if (flags.trace !== undefined && webgpu !== undefined) {
    const step = await (full ?? loraModel(flags)).makeStep();
    return {
      backend: webgpu.name,
      ...adapterFigures(webgpu),
      model: flags.model,
      ...(await traceKernels(flags.trace, step, webgpu)),
    };
  }
  if (full !== undefined)
    return { model: flags.model, ...(await measureFullStep(full, flags, webgpu)) };
  const { model, sizes, makeStep } = loraModel(flags);
  const step = await makeStep();
  const other = flags.against === undefined ? undefined : await makeStep(flags.against);
  const peer =
    flags.peer === undefined
      ? undefined
      : await startPytorch(flags.python, threads, model, {
          ...sizes,
          trainable: step.trainable,
          adapter: step.adapter,
          tasks: step.tasks,
        });
  const counts = countDevice(webgpu);
  const hostTimes: number[] = [];
  const work = async (): Promise<void> => {
    const { loss, host_s } = await step.run();
    if (!Number.isFinite(loss)) throw new LorikeetError('not-finite', `the loss is ${loss}`);
    hostTimes.push(host_s);
  };
  // What is not there takes no time.
  const idle = async (): Promise<number> => seconds;
  const [timing, rival, against] = await measureAll(
    [work, peer === undefined ? idle : () => peer.step(), other?.run ?? idle],
    seconds,
  );
  const peak_rss_mib = peakRssMib();
  if (profile !== undefined) printProfile(await profile(), timing.runs + 1);
  const gflop = productFlops(step.program) / 1e9;
  const end = await peer?.end();
  return {
    backend: currentBackend().name,
    ...adapterFigures(currentBackend()),
    model: flags.model,
    variant: flags.variant,
    ...sizes,
    threads,
    instructions: step.program.instructions.length,
    compile_s: step.compile_s,
    second_compile_ms: step.second_compile_ms,
    ...timing,
    // Without the run that does not count.
    host_ms: 1000 * medianOf(hostTimes.slice(1)),
    ...counts(timing.runs + 1),
    tokens_per_s: (sizes.batch * sizes.seq) / timing.median_s,
    gflop_per_step: gflop,
    gflops: gflop / timing.median_s,
    peak_rss_mib,
    cores_busy_elsewhere: coresBusyElsewhere(end?.cpu_s),
    ...(flags.against === undefined
      ? {}
      : { against: flags.against, ratio_against: timing.median_s / against.median_s }),
    rivals:
      end === undefined
        ? []
        : [
            {
              ...end,
              ...rival,
              gflops: end.gflop_per_step / rival.median_s,
              ratio: rival.median_s / timing.median_s,
              ratio_of_min: rival.min_s / timing.min_s,
              memory_ratio: peak_rss_mib / end.peak_rss_mib,
            },
          ],
  };
}

interface LoraModel {
  readonly model: BenchmarkModel;
  readonly sizes: StepSizes;
  makeStep(variant?: string): Promise<AdapterStep>;
}

function loraModel({ model: name, batch, seq, rank, variant: main }: StepFlags): LoraModel {
  const model = benchmarkModels[name] as BenchmarkModel;
  const sizes = { batch: batch ?? model.batch, seq: seq ?? model.seq, rank };
  return {
    model,
    sizes,
    makeStep: (variant = main) => makeTrainingStep(model, sizes, variant),
  };
}

interface ChosenBackend {
  /** Reads the profile if there is to be one. */
  readonly profile?: Awaited<ReturnType<typeof useProfiler>>;
  readonly webgpu?: WebgpuBackend | undefined;
}

async function useChosenBackend(flags: StepFlags): Promise<ChosenBackend> {
  const { profile, backend, threads, trace } = flags;
  if (profile !== true)
    return { webgpu: await openBackend(flags, trace === undefined ? {} : { profile: true }) };
  if (backend !== undefined && backend !== 'onnx')
    throw new LorikeetError('unsupported', '--profile reads the profile of ONNX Runtime', {
      expected: '--backend onnx',
      received: `--backend ${backend}`,
    });
  return { profile: await useProfiler(threads) };
}
