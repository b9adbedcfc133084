import { div, LorikeetError, maximum, minimum, sub, type Tensor } from '@lorikeet/tensor-core';

/** The learning rate as a function of the number of steps taken before (a floating-point scalar). Made of ops. */
export type Schedule = (step: Tensor) => Tensor;

export interface WarmupOptions {
  /** The highest rate. */
  readonly learningRate: number;
  /** Steps in which the rate grows evenly from 0. Defaults to 0. */
  readonly warmupSteps?: number;
}

export interface DecayOptions extends WarmupOptions {
  /** Steps until the rate is 0, those of the warm-up included. */
  readonly totalSteps: number;
}

/** How far the warm-up is, from 0 to 1. */
export function warmupFactor(step: Tensor, { warmupSteps = 0 }: WarmupOptions): Tensor {
  return minimum(div(step, Math.max(warmupSteps, 1)).add(warmupSteps === 0 ? 1 : 0), 1);
}

/** How far the time after the warm-up is, from 0 to 1. Throws `invalid-argument` if there is none. */
export function decayProgress(step: Tensor, { warmupSteps = 0, totalSteps }: DecayOptions): Tensor {
  if (!(totalSteps > warmupSteps)) {
    throw new LorikeetError('invalid-argument', 'a schedule must be longer than its warm-up', {
      expected: `totalSteps above ${warmupSteps}`,
      received: String(totalSteps),
    });
  }
  return minimum(maximum(div(sub(step, warmupSteps), totalSteps - warmupSteps), 0), 1);
}
