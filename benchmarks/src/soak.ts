import { setImmediate as nextTask } from 'node:timers/promises';
import { currentBackend, LorikeetError } from '@lorikeet/tensor-core';
import { Command } from 'commander';
import type { PlainStep } from './makeStep.ts';
import { report } from './measure.ts';
import { adapterFigures, openBackend } from './openBackend.ts';
import { countOption } from './options.ts';
import type { BenchmarkModel } from './sizes.ts';
import { makePlainTrainingStep, makeTrainingStep } from './trainingStep.ts';

/** Small, since what is looked for grows with the number of steps, not with their size. */
const model: BenchmarkModel = {
  config: {
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    vocab_size: 64,
    num_labels: 2,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 32,
    max_position_embeddings: 16,
  },
  targets: '**.{query,value}',
  batch: 2,
  seq: 8,
  isCausal: false,
};

/** Steps between two samples. */
const interval = 50;

/** Steps in which caches and pools may still fill. */
const settling = 100;

/** By how much the largest sample of the last third may exceed that of the first third after settling. */
const margins = {
  /** Nothing that a step allocates may stay: what is left is when the collector comes. */
  live: (bytes: number) => 0.02 * bytes + 64 * 1024,
  /** The collector of JavaScript and the allocator of C take more when they like. */
  rss: (bytes: number) => 0.05 * bytes + 8 * 2 ** 20,
};

export function soakCommand(): Command {
  return new Command('soak')
    .description('Whether memory stays flat in a long training, with a compiled step and without.')
    .option('--steps <n>', 'steps in each mode, at least 400', countOption, 2000)
    .option('--backend <name>', 'onnx, webgpu or reference')
    .option('--threads <n>', 'threads of the backend', countOption, 2)
    .option('--json <file>', 'write the figures')
    .action(async (flags: { steps: number; backend?: string; threads: number; json?: string }) => {
      const { steps, json } = flags;
      if (steps < 400)
        throw new LorikeetError('invalid-argument', 'too few steps to tell what grows', {
          expected: 'at least 400',
          received: String(steps),
        });
      await openBackend(flags);
      const backend = currentBackend();
      const sizes = { batch: model.batch, seq: model.seq, rank: 4 };
      const compiled = await soak('compiled', await makeTrainingStep(model, sizes), steps);
      const plain = await soak('plain', await makePlainTrainingStep(model, sizes), steps);
      const flat = compiled.flat && plain.flat;
      await report(
        { backend: backend.name, ...adapterFigures(backend), steps, flat, compiled, plain },
        json,
      );
      if (!flat) process.exitCode = 1;
    });
}

interface Growth {
  /** The largest sample of the first third after settling. */
  readonly early_mib: number;
  /** The largest of the last third. */
  readonly late_mib: number;
  /** What it may have grown by. */
  readonly margin_mib: number;
  readonly flat: boolean;
}

interface Soak {
  readonly flat: boolean;
  readonly live: Growth;
  readonly rss: Growth;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly step: number;
  readonly live_bytes: number;
  readonly rss_bytes: number;
}

async function soak(mode: string, step: PlainStep, steps: number): Promise<Soak> {
  const backend = currentBackend();
  const samples: Sample[] = [];
  for (let done = 1; done <= steps; done++) {
    const { loss } = await step.run();
    if (!Number.isFinite(loss)) throw new LorikeetError('not-finite', `the loss is ${loss}`);
    // What the collector found is freed between tasks; a backend that computes at once would never leave this one.
    await nextTask();
    if (done % interval !== 0) continue;
    await backend.synchronize();
    const sample = {
      step: done,
      live_bytes: backend.limits().liveBytes(),
      rss_bytes: process.memoryUsage.rss(),
    };
    samples.push(sample);
    console.error(
      `${mode} ${done}: ${(sample.live_bytes / 2 ** 20).toFixed(2)} MiB live, ${(sample.rss_bytes / 2 ** 20).toFixed(0)} MiB resident`,
    );
  }
  const settled = samples.filter(({ step: at }) => at > settling);
  const live = growthOf(
    settled.map(({ live_bytes }) => live_bytes),
    margins.live,
  );
  const rss = growthOf(
    settled.map(({ rss_bytes }) => rss_bytes),
    margins.rss,
  );
  return { flat: live.flat && rss.flat, live, rss, samples };
}

function growthOf(values: readonly number[], margin: (bytes: number) => number): Growth {
  const third = Math.floor(values.length / 3);
  const early = Math.max(...values.slice(0, third));
  const late = Math.max(...values.slice(-third));
  const mib = (bytes: number): number => bytes / 2 ** 20;
  return {
    early_mib: mib(early),
    late_mib: mib(late),
    margin_mib: mib(margin(early)),
    flat: late - early <= margin(early),
  };
}
