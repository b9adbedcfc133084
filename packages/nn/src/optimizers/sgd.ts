import { chain } from './chain.ts';
import { type LearningRate, scaleByLearningRate } from './learningRate.ts';
import { momentum as addMomentum } from './momentum.ts';
import type { Optimizer } from './optimizer.ts';
import { addWeightDecay } from './weightDecay.ts';

export interface SgdOptions {
  readonly learningRate: LearningRate;
  /** Defaults to 0. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** L2 penalty. Defaults to 0. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent, as `torch.optim.SGD`. */
export function sgd({
  learningRate,
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions): Optimizer<readonly unknown[]> {
  const stages = momentum === 0 ? [] : [addMomentum(momentum, { nesterov })];
  return chain(addWeightDecay(weightDecay), ...stages, scaleByLearningRate(learningRate));
}
