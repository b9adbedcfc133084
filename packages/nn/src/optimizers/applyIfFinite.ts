import {
  add,
  allFinite,
  cast,
  logicalNot,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import type { Optimizer } from './optimizer.ts';

export interface FiniteState<State> {
  /** Steps that were left out; i32. */
  readonly skipped: Tensor;
  readonly inner: State;
}

/**
 * Leaves a step out, state and all, when a gradient is infinite or NaN, as happens when a scaled loss
 * overflows f16. Micikevicius et al. 2018.
 */
export function applyIfFinite<State>(optimizer: Optimizer<State>): Optimizer<FiniteState<State>> {
  return {
    init: (parameters) => ({
      skipped: tensor(0, [], 'i32'),
      inner: optimizer.init(parameters),
    }),
    update(gradients, { skipped, inner }, parameters) {
      const finite = allFinite(gradients);
      const next = optimizer.update(gradients, inner, parameters);
      return {
        updates: zipTrees((update) => where(finite, update, 0), next.updates),
        state: {
          skipped: add(skipped, cast(logicalNot(finite), 'i32')),
          inner: zipTrees((after, before) => where(finite, after, before), next.state, inner),
        },
      };
    },
    measures: ({ skipped, inner }) => ({ ...optimizer.measures?.(inner), skipped }),
  };
}
