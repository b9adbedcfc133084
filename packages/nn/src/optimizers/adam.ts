import { chain } from './chain.ts';
import { type LearningRate, scaleByLearningRate } from './learningRate.ts';
import type { Optimizer } from './optimizer.ts';
import { type AdamMoments, scaleByAdam } from './scaleByAdam.ts';
import { addWeightDecay } from './weightDecay.ts';

export interface AdamOptions extends AdamMoments {
  readonly learningRate: LearningRate;
  /** Defaults to 0 in `adam` and to 0.01 in `adamw`. */
  readonly weightDecay?: number;
}

/** Adam with an L2 penalty in the gradient, as `torch.optim.Adam`. */
export function adam({
  learningRate,
  weightDecay = 0,
  ...moments
}: AdamOptions): Optimizer<readonly unknown[]> {
  return chain(
    addWeightDecay(weightDecay),
    scaleByAdam(moments),
    scaleByLearningRate(learningRate),
  );
}

/** Adam with decoupled weight decay, as `torch.optim.AdamW`. Loshchilov and Hutter 2019. */
export function adamw({
  learningRate,
  weightDecay = 0.01,
  ...moments
}: AdamOptions): Optimizer<readonly unknown[]> {
  return chain(
    scaleByAdam(moments),
    addWeightDecay(weightDecay),
    scaleByLearningRate(learningRate),
  );
}
