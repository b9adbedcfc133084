import { mul } from '@lorikeet/tensor-core';
import { type Schedule, type WarmupOptions, warmupFactor } from './schedule.ts';

/** The same rate for ever, after a linear warm-up if one is given. */
export function constantSchedule(options: WarmupOptions): Schedule {
  return (step) => mul(warmupFactor(step, options), options.learningRate);
}
