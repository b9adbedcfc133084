import { currentBackend } from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { chooseBackend, useProfiler } from './backends.ts';
import { measure, measureInTurn, peakRssMib, report } from './measure.ts';
import { startPytorch } from './peers/pytorch.ts';
import { printProfile } from './printProfile.ts';
import { type BenchmarkModel, benchmarkModels } from './sizes.ts';
import { makeTrainingStep, productFlops } from './trainingStep.ts';

interface StepFlags {
  readonly model: string;
  readonly batch?: string;
  readonly seq?: string;
  readonly rank: string;
  readonly seconds: string;
  readonly backend?: string;
  readonly peer?: string;
  readonly python: string;
  readonly threads: string;
  readonly profile?: boolean;
  readonly json?: string;
}

export function stepCommand(): Command {
  return new Command('step')
    .description('One LoRA training step: forward, backward, AdamW; no dropout, random weights.')
    .addOption(
      new Option('--model <name>', 'sizes of the model')
        .choices(Object.keys(benchmarkModels))
        .default('bert-tiny'),
    )
    .option('--batch <n>', 'rows of a batch; what is usual for the model if not given')
    .option('--seq <n>', 'tokens of a row; what is usual for the model if not given')
    .option('--rank <n>', 'rank of the update', '8')
    .option('--seconds <n>', 'time to measure for', '10')
    .option('--backend <name>', 'onnx or reference')
    .addOption(new Option('--peer <name>', 'measure a rival in turn with us').choices(['pytorch']))
    .option('--python <path>', 'a Python with torch, transformers and peft', 'python3')
    .option('--threads <n>', "the rival's threads", '2')
    .option('--profile', 'say which operators of which modules take the time')
    .option('--json <file>', 'write the figures')
    .action(async (flags: StepFlags) => {
      await report(await measureStep(flags), flags.json);
    });
}

async function measureStep(flags: StepFlags): Promise<Record<string, unknown>> {
  const profile = flags.profile === true ? await useProfiler() : undefined;
  if (profile === undefined) await chooseBackend(flags.backend);
  const model = benchmarkModels[flags.model] as BenchmarkModel;
  const sizes = {
    batch: Number(flags.batch ?? model.batch),
    seq: Number(flags.seq ?? model.seq),
    rank: Number(flags.rank),
  };
  const step = await makeTrainingStep(model, sizes);
  const peer =
    flags.peer === undefined
      ? undefined
      : await startPytorch(flags.python, Number(flags.threads), model, sizes);
  const seconds = Number(flags.seconds);
  const work = async (): Promise<void> => void (await step.run());
  const [timing, rival] =
    peer === undefined
      ? [await measure(work, seconds)]
      : await measureInTurn(work, () => peer.step(), seconds);
  const peak_rss_mib = peakRssMib();
  if (profile !== undefined) printProfile(await profile(), timing.runs + 1);
  const rivals = peer === undefined ? [] : [{ ...(await peer.end()), ...rival }];
  return {
    backend: currentBackend().name,
    model: flags.model,
    ...sizes,
    instructions: step.program.instructions.length,
    compile_s: step.compile_s,
    second_compile_ms: step.second_compile_ms,
    ...timing,
    tokens_per_s: (sizes.batch * sizes.seq) / timing.median_s,
    gflops: productFlops(step.program) / timing.median_s / 1e9,
    peak_rss_mib,
    rivals: rivals.map((other) => ({
      ...other,
      ratio: (other.median_s ?? 0) / timing.median_s,
      ratio_of_min: (other.min_s ?? 0) / timing.min_s,
      memory_ratio: peak_rss_mib / other.peak_rss_mib,
    })),
  };
}
