import { add, cos, mul } from '@lorikeet/tensor-core';
import { type DecayOptions, decayProgress, type Schedule, warmupFactor } from './schedule.ts';

/** A linear warm-up, then half a cosine wave down to 0: `get_cosine_schedule_with_warmup` of transformers. */
export function cosineSchedule(options: DecayOptions): Schedule {
  return (step) => {
    const wave = mul(add(cos(mul(decayProgress(step, options), Math.PI)), 1), 0.5);
    return mul(mul(warmupFactor(step, options), wave), options.learningRate);
  };
}
