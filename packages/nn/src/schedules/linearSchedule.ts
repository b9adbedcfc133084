import { mul, sub } from '@lorikeet/tensor-core';
import { type DecayOptions, decayProgress, type Schedule, warmupFactor } from './schedule.ts';

/** A linear warm-up, then a linear fall to 0: `get_linear_schedule_with_warmup` of transformers. */
export function linearSchedule(options: DecayOptions): Schedule {
  return (step) =>
    mul(
      mul(warmupFactor(step, options), sub(1, decayProgress(step, options))),
      options.learningRate,
    );
}
