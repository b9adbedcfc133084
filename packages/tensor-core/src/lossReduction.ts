import { mean } from './ops/reduce/mean.ts';
import { sum } from './ops/reduce/sum.ts';
import type { Tensor } from './tensor.ts';

/** How the losses of all elements become one: not at all with `'none'`. */
export type LossReduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  /** Defaults to `'mean'`. */
  readonly reduction?: LossReduction;
}

export function reduceLoss(loss: Tensor, reduction: LossReduction): Tensor {
  if (reduction === 'none') return loss;
  return reduction === 'sum' ? sum(loss) : mean(loss);
}
