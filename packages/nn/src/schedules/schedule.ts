import {
  add,
  div,
  LorikeetError,
  maximum,
  minimum,
  mul,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';

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
export function decayProgress(step: Tensor, options: DecayOptions): Tensor {
  requireDecay(options);
  const { warmupSteps = 0, totalSteps } = options;
  return minimum(maximum(div(sub(step, warmupSteps), totalSteps - warmupSteps), 0), 1);
}

/** Throws `invalid-argument` if a schedule is no longer than its warm-up. */
export function requireDecay({ warmupSteps = 0, totalSteps }: DecayOptions): void {
  if (totalSteps > warmupSteps) return;
  throw new LorikeetError('invalid-argument', 'a schedule must be longer than its warm-up', {
    expected: `totalSteps above ${warmupSteps}`,
    received: String(totalSteps),
  });
}

/** The lowest rate as a part of the highest. Throws `invalid-argument` if it is above it. */
export function lowestRatio(options: {
  readonly learningRate: number;
  readonly minimumRate?: number;
}): number {
  const { learningRate, minimumRate = 0 } = options;
  if (minimumRate === 0) return 0;
  if (minimumRate > 0 && minimumRate <= learningRate) return minimumRate / learningRate;
  throw new LorikeetError(
    'invalid-argument',
    'the lowest rate of a schedule is above its highest',
    {
      expected: `minimumRate from 0 to ${learningRate}`,
      received: String(minimumRate),
    },
  );
}

/** A factor from 0 to 1 as one from `lowest` to 1. */
export function raisedTo(lowest: number, factor: Tensor): Tensor {
  return lowest === 0 ? factor : add(mul(factor, 1 - lowest), lowest);
}
