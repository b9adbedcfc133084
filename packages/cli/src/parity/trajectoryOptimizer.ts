import {
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  cosineSchedule,
  type DecayOptions,
  type LearningRate,
  linearSchedule,
  type Optimizer,
  type Schedule,
  sgd,
} from '@lorikeet/nn';
import { adapterOptimizer, loraFa, loraPlus } from '@lorikeet/peft-lora';
import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';

const description = z.strictObject({
  kind: z.string(),
  lr: z.number(),
  weight_decay: z.number().default(0),
  momentum: z.number().default(0),
  nesterov: z.boolean().default(false),
  betas: z.tuple([z.number(), z.number()]).default([0.9, 0.999]),
  eps: z.number().default(1e-8),
  amsgrad: z.boolean().default(false),
  schedule: z.string().optional(),
  loraplus_lr_ratio: z.number().default(1),
  loraplus_lr_embedding: z.number().optional(),
  note: z.string().optional(),
});

type Description = z.infer<typeof description>;

/** What a `meta.json` says of how a trajectory was made. */
export interface TrajectoryMeta {
  readonly optimizer?: unknown;
  readonly max_grad_norm?: number;
}

/** The optimiser that a case's meta.json describes. Throws `unsupported`. */
export function trajectoryOptimizer({ optimizer, max_grad_norm }: TrajectoryMeta): Optimizer {
  const result = description.safeParse(optimizer);
  if (!result.success) throw unsupported(JSON.stringify(optimizer));
  const made = adapterOptimizer(make(result.data));
  return max_grad_norm === undefined ? made : chain(clipByGlobalNorm(max_grad_norm), made);
}

function make(given: Description): Optimizer {
  const { kind, weight_decay: weightDecay, momentum, nesterov, betas, eps, amsgrad } = given;
  const learningRate = rateOf(given);
  const [beta1, beta2] = betas;
  const options = { learningRate, weightDecay, beta1, beta2, epsilon: eps, amsgrad };
  if (kind === 'AdamW') return adamw(options);
  if (kind.startsWith('Adam (L2')) return adam(options);
  if (kind === 'SGD') return sgd({ learningRate, weightDecay, momentum, nesterov });
  if (kind.startsWith('LoRA-FA')) return loraFa({ learningRate, weightDecay });
  if (kind.startsWith('LoRA+')) {
    const { loraplus_lr_ratio: ratio, loraplus_lr_embedding: rate } = given;
    // PEFT has an option of its own for the decay of these groups, and does not heed this one.
    return loraPlus({
      learningRate,
      weightDecay: 0,
      ratio,
      ...(rate === undefined ? {} : { embeddingLearningRate: rate }),
      optimizer: (group) => adamw({ ...options, ...group }),
    });
  }
  throw unsupported(kind);
}

/** Schedules by the start of their description, which names warm-up and steps in words. */
const schedules: Readonly<Record<string, (options: DecayOptions) => Schedule>> = {
  linear: linearSchedule,
  cosine: cosineSchedule,
};

function rateOf({ lr, schedule }: Description): LearningRate {
  if (schedule === undefined) return lr;
  const found = /^(\w+)\b.*?(\d+|no) warm-up(?: steps)?, (\d+) steps/.exec(schedule);
  const [, name = '', warmup = '', total = ''] = found ?? [];
  const makeSchedule = schedules[name];
  if (makeSchedule === undefined) throw unsupported(`with the schedule '${schedule}'`);
  const warmupSteps = warmup === 'no' ? 0 : Number(warmup);
  return makeSchedule({ learningRate: lr, warmupSteps, totalSteps: Number(total) });
}

function unsupported(what: string): LorikeetError {
  return new LorikeetError('unsupported', `the optimiser ${what}`);
}
