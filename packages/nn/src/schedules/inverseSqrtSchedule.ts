import { div, maximum, mul, rsqrt, sub } from '@lorikeet/tensor-core';
import { type Schedule, type WarmupOptions, warmupFactor } from './schedule.ts';

export interface InverseSqrtOptions extends WarmupOptions {
  /** Steps in which the rate falls to `1 / sqrt(2)` of itself. Defaults to those of the warm-up, or to 10000. */
  readonly timescale?: number;
}

/**
 * A linear warm-up, then the inverse of the root of the time: `get_inverse_sqrt_schedule` of transformers.
 * Vaswani et al. 2017.
 */
export function inverseSqrtSchedule(options: InverseSqrtOptions): Schedule {
  const { learningRate, warmupSteps = 0 } = options;
  const timescale = options.timescale ?? (warmupSteps === 0 ? 10_000 : warmupSteps);
  return (step) => {
    const time = sub(maximum(step, warmupSteps), warmupSteps - timescale);
    return mul(mul(warmupFactor(step, options), rsqrt(div(time, timescale))), learningRate);
  };
}
