import { add, mul } from '@lorikeet/tensor-core';
import { type Optimizer, stateless } from './optimizer.ts';

/**
 * Adds `rate` times the parameter to its gradient. Before Adam's scaling this is the L2 penalty of Adam;
 * after it, the decoupled decay of AdamW (Loshchilov and Hutter 2019).
 */
export function addWeightDecay(rate: number): Optimizer<null> {
  return stateless((gradient, parameter) =>
    rate === 0 ? gradient : add(gradient, mul(parameter, rate)),
  );
}
