import { chain } from './chain.ts';
import { type LearningRate, scaleByLearningRate } from './learningRate.ts';
import type { Optimizer } from './optimizer.ts';
import { type LionMoments, scaleByLion } from './scaleByLion.ts';
import { addWeightDecay } from './weightDecay.ts';

export interface LionOptions extends LionMoments {
  readonly learningRate: LearningRate;
  /** Decoupled. Defaults to 0. */
  readonly weightDecay?: number;
}

/** Lion: steps of one size in every coordinate, with decoupled weight decay. Chen et al. 2023. */
export function lion({
  learningRate,
  weightDecay = 0,
  ...moments
}: LionOptions): Optimizer<readonly unknown[]> {
  return chain(
    scaleByLion(moments),
    addWeightDecay(weightDecay),
    scaleByLearningRate(learningRate),
  );
}
