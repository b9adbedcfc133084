import {
  add,
  cast,
  cos,
  div,
  LorikeetError,
  less,
  maximum,
  mul,
  sub,
  where,
} from '@lorikeet/tensor-core';
import { type DecayOptions, requireDecay, type Schedule, warmupFactor } from './schedule.ts';

export interface CosineRestartsOptions extends DecayOptions {
  /** How often the rate falls; an integer. Defaults to 1. */
  readonly cycles?: number;
}

/**
 * A linear warm-up, then several half waves of a cosine down to 0, each from the highest rate again:
 * `get_cosine_with_hard_restarts_schedule_with_warmup` of transformers. Loshchilov and Hutter 2017.
 */
export function cosineRestartsSchedule({
  cycles = 1,
  ...options
}: CosineRestartsOptions): Schedule {
  const { warmupSteps = 0, totalSteps, learningRate } = options;
  return (step) => {
    requireDecay(options);
    if (!Number.isInteger(cycles) || cycles < 1) {
      throw new LorikeetError('invalid-argument', `cosineRestartsSchedule: ${cycles} cycles`, {
        expected: 'an integer above 0',
        received: String(cycles),
      });
    }
    const length = totalSteps - warmupSteps;
    // In whole numbers, which are exact, so that a cycle starts in its very step.
    const passed = mul(maximum(sub(step, warmupSteps), 0), cycles);
    const before = mul(cast(cast(div(passed, length), 'i32'), passed.dtype), length);
    const wave = mul(add(cos(mul(div(sub(passed, before), length), Math.PI)), 1), 0.5);
    const falling = where(less(step, totalSteps), wave, 0);
    return mul(mul(warmupFactor(step, options), falling), learningRate);
  };
}
