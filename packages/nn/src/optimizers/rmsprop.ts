import { chain } from './chain.ts';
import { type LearningRate, scaleByLearningRate } from './learningRate.ts';
import { momentum as addMomentum } from './momentum.ts';
import type { Optimizer } from './optimizer.ts';
import { type RmsOptions, scaleByRms } from './scaleByRms.ts';
import { addWeightDecay } from './weightDecay.ts';

export interface RmspropOptions extends RmsOptions {
  readonly learningRate: LearningRate;
  /** Of the scaled gradients. Defaults to 0. */
  readonly momentum?: number;
  /** L2 penalty. Defaults to 0. */
  readonly weightDecay?: number;
}

/** Gradients over the root of their mean square, as `torch.optim.RMSprop`. Hinton 2012. */
export function rmsprop({
  learningRate,
  momentum = 0,
  weightDecay = 0,
  ...options
}: RmspropOptions): Optimizer<readonly unknown[]> {
  const stages = momentum === 0 ? [] : [addMomentum(momentum)];
  return chain(
    addWeightDecay(weightDecay),
    scaleByRms(options),
    ...stages,
    scaleByLearningRate(learningRate),
  );
}
