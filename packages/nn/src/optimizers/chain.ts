import { LorikeetError } from '@lorikeet/tensor-core';
import type { Optimizer } from './optimizer.ts';

/** Stages one after the other, as in Optax: each gets the updates of the one before as its gradients. */
export function chain(...stages: readonly Optimizer[]): Optimizer<readonly unknown[]> {
  return {
    init: (parameters) => stages.map((stage) => stage.init(parameters)),
    update(gradients, state, parameters) {
      if (state.length !== stages.length) {
        throw new LorikeetError('tree-mismatch', 'chain: the state belongs to another optimiser', {
          expected: `${stages.length} stages`,
          received: String(state.length),
        });
      }
      let updates = gradients;
      const next = stages.map((stage, i) => {
        const result = stage.update(updates, state[i], parameters);
        updates = result.updates;
        return result.state;
      });
      return { updates, state: next };
    },
  };
}
