import { logitsOf, lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { Context, combine, partition, sgd } from '@lorikeet/nn';
import { adapt, adapterRows, isTrainable, mixBatch } from '@lorikeet/peft-lora';
import { compile, currentBackend, evaluate, type Tensor } from '@lorikeet/tensor-core';
import { Command, Option } from 'commander';
import { coresBusyElsewhere } from './machineLoad.ts';
import { compiledStep } from './makeStep.ts';
import { measureAll, report } from './measure.ts';
import { adapterFigures, openBackend } from './openBackend.ts';
import { countOption, positiveOption } from './options.ts';
import { type BenchmarkModel, benchmarkModels } from './sizes.ts';
import { batchOf, randomModel } from './trainingStep.ts';
import { methodNamed } from './variants.ts';

interface MixedFlags {
  readonly model: string;
  readonly adapters: number;
  readonly seq?: number;
  readonly rank: number;
  readonly seconds: number;
  readonly backend?: string;
  readonly threads: number;
  readonly json?: string;
}

export function mixedCommand(): Command {
  return new Command('mixed')
    .description('A batch whose rows have an adapter each, in turn with one adapter for all rows.')
    .addOption(
      new Option('--model <name>', 'sizes of the model')
        .choices(Object.keys(benchmarkModels))
        .default('bert-base'),
    )
    .option('--adapters <n>', 'how many, and rows of the batch', countOption, 8)
    .option('--seq <n>', 'tokens of a row; what is usual for the model if not given', countOption)
    .option('--rank <n>', 'rank of each', countOption, 8)
    .option('--seconds <n>', 'time to measure for', positiveOption, 10)
    .option('--backend <name>', 'onnx, webgpu or reference')
    .option('--threads <n>', 'our threads', countOption, 2)
    .option('--json <file>', 'write the figures')
    .action(async (flags: MixedFlags) => {
      await report(await measureMixed(flags), flags.json);
    });
}

async function measureMixed(flags: MixedFlags): Promise<Record<string, unknown>> {
  await openBackend(flags);
  const { seconds, rank } = flags;
  const model = benchmarkModels[flags.model] as BenchmarkModel;
  const [batch, seq] = [flags.adapters, flags.seq ?? model.seq];
  const names = Array.from({ length: flags.adapters }, (_, i) => `tenant-${i}`);
  const inputs = batchOf(Number(model.config.vocab_size), model.isCausal, batch, seq);
  const adapted = (name: string, base: Model): Model =>
    adapt(base, { [model.targets]: methodNamed('lora', rank) }, { name });
  const base = randomModel(model);
  const one = await evaluate(adapted('tenant-0', base));
  const many = await evaluate(names.reduce((before, name) => adapted(name, before), base));
  const rows = adapterRows(many, names);
  const plain = (tuned: Model): Model => tuned;
  const mixed = (tuned: Model): Model => mixBatch(tuned, rows);

  const [one_s, many_s] = await measureAll(
    [forward(one, inputs, plain), forward(many, inputs, mixed)],
    seconds,
  );
  const steps = [await trainingStep(one, inputs, plain), await trainingStep(many, inputs, mixed)];
  const [oneStep, manyStep] = await measureAll(
    [async () => void (await steps[0]?.run()), async () => void (await steps[1]?.run())],
    seconds,
  );
  return {
    backend: currentBackend().name,
    ...adapterFigures(currentBackend()),
    model: flags.model,
    batch,
    seq,
    rank,
    threads: flags.threads,
    adapters: names.length,
    forward: { one: one_s, mixed: many_s, ratio: many_s.median_s / one_s.median_s },
    step: { one: oneStep, mixed: manyStep, ratio: manyStep.median_s / oneStep.median_s },
    cores_busy_elsewhere: coresBusyElsewhere(),
  };
}

/** Waits for the logits. */
function forward(
  tuned: Model,
  inputs: ModelInputs,
  form: (tuned: Model) => Model,
): () => Promise<void> {
  const run = compile((model: Model, given: ModelInputs): Tensor => {
    return logitsOf(form(model).call(given, Context.evaluation));
  });
  return async () => void (await run(tuned, inputs).data());
}

/** All adapters learn; plain descent, for what is compared is the model. */
function trainingStep(tuned: Model, inputs: ModelInputs, form: (tuned: Model) => Model) {
  const [initial, frozen] = partition(tuned, isTrainable);
  return compiledStep({
    initial,
    optimizer: sgd({ learningRate: 1e-3 }),
    inputs,
    loss: (live: typeof initial, given: ModelInputs) =>
      lossOf(form(combine(live, frozen)).call(given, Context.evaluation)),
  });
}
