import { mul, pow, sub } from '@lorikeet/tensor-core';
import {
  type DecayOptions,
  decayProgress,
  lowestRatio,
  raisedTo,
  type Schedule,
  warmupFactor,
} from './schedule.ts';

export interface PolynomialOptions extends DecayOptions {
  /** What the part of the time that is left is raised to. Defaults to 1. */
  readonly power?: number;
  /** The rate of the last step. Defaults to 1e-7, as in transformers. */
  readonly minimumRate?: number;
}

/**
 * A linear warm-up, then a fall to the lowest rate by a power of the time left:
 * `get_polynomial_decay_schedule_with_warmup` of transformers.
 */
export function polynomialSchedule({
  power = 1,
  minimumRate = 1e-7,
  ...options
}: PolynomialOptions): Schedule {
  const lowest = lowestRatio({ ...options, minimumRate });
  return (step) => {
    const falling = raisedTo(lowest, pow(sub(1, decayProgress(step, options)), power));
    return mul(mul(warmupFactor(step, options), falling), options.learningRate);
  };
}
