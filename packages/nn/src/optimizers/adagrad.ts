import { chain } from './chain.ts';
import { type LearningRate, scaleByLearningRate } from './learningRate.ts';
import type { Optimizer } from './optimizer.ts';
import { type RssOptions, scaleByRss } from './scaleByRss.ts';
import { addWeightDecay } from './weightDecay.ts';

export interface AdagradOptions extends RssOptions {
  readonly learningRate: LearningRate;
  /** L2 penalty. Defaults to 0. */
  readonly weightDecay?: number;
}

/** Gradients over the root of the sum of their squares, as `torch.optim.Adagrad`. Duchi, Hazan and Singer 2011. */
export function adagrad({
  learningRate,
  weightDecay = 0,
  ...options
}: AdagradOptions): Optimizer<readonly unknown[]> {
  return chain(addWeightDecay(weightDecay), scaleByRss(options), scaleByLearningRate(learningRate));
}
