import { add, cos, mul } from '@lorikeet/tensor-core';
import {
  type DecayOptions,
  decayProgress,
  lowestRatio,
  raisedTo,
  type Schedule,
  warmupFactor,
} from './schedule.ts';

export interface CosineOptions extends DecayOptions {
  /** Waves of the cosine until the last step. Defaults to a half: from the highest rate to the lowest. */
  readonly cycles?: number;
  /** Where a wave is lowest. Defaults to 0. */
  readonly minimumRate?: number;
}

/**
 * A linear warm-up, then half a cosine wave down, or as many as `cycles` says: transformers'
 * `get_cosine_schedule_with_warmup` and `get_cosine_with_min_lr_schedule_with_warmup`. Loshchilov and Hutter 2017.
 */
export function cosineSchedule({ cycles = 0.5, ...options }: CosineOptions): Schedule {
  return (step) => {
    const phase = mul(decayProgress(step, options), 2 * Math.PI * cycles);
    const wave = raisedTo(lowestRatio(options), mul(add(cos(phase), 1), 0.5));
    return mul(mul(warmupFactor(step, options), wave), options.learningRate);
  };
}
