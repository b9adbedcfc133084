import { adamw, chain, clipByGlobalNorm, linearSchedule, type Optimizer } from '@lorikeet/nn';
import type { Backend } from '@lorikeet/tensor-core';
import type { FitOptions } from '@lorikeet/train';
import { checkpointFolder, jsonlLog } from '@lorikeet/train/node';
import { progressBar } from '@lorikeet/train/progress';
import { useBackendOption } from './backends.ts';
import type { RunFields } from './fields/runFields.ts';

/** AdamW with a warm-up and a fall to 0, behind the clipping of gradients. */
export function optimizerOf(
  { learning_rate: learningRate, warmup, weight_decay: weightDecay, clip }: RunFields,
  totalSteps: number,
): Optimizer {
  const warmupSteps = Math.min(Math.round(warmup * totalSteps), totalSteps - 1);
  return chain(
    ...(clip === undefined ? [] : [clipByGlobalNorm(clip)]),
    adamw({ learningRate: linearSchedule({ learningRate, totalSteps, warmupSteps }), weightDecay }),
  );
}

/** The options of `fit` that follow from the settings that all trainings share. */
export async function fitOptionsOf(
  config: RunFields,
  totalSteps: number,
  backend: Backend,
): Promise<
  Pick<
    FitOptions<unknown, unknown, unknown>,
    | 'seed'
    | 'accumulate'
    | 'precision'
    | 'checkpoints'
    | 'checkpointEvery'
    | 'callbacks'
    | 'gradientCheckpointing'
    | 'recover'
  >
> {
  const { seed, accumulate, precision, checkpoints, checkpoint_every, log } = config;
  return {
    seed,
    accumulate,
    ...(precision === undefined ? {} : { precision }),
    ...(checkpoints === undefined
      ? {}
      : { checkpoints: await checkpointFolder(checkpoints, { onBroken: warnOfBroken }) }),
    ...(checkpoint_every === undefined ? {} : { checkpointEvery: checkpoint_every }),
    callbacks: [progressBar(totalSteps), ...(log === undefined ? [] : [jsonlLog(log)])],
    gradientCheckpointing: 'auto',
    // Only a GPU can be taken away.
    ...(backend.name === 'webgpu' ? { recover: () => useBackendOption(config.backend) } : {}),
  };
}

function warnOfBroken(path: string, reason: string): void {
  console.error(`passed over ${path}: ${reason}`);
}
