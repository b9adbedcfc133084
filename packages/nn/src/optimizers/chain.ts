import { cast, LorikeetError, mapTensors } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { jointMeasures, type Optimizer, wide } from './optimizer.ts';

/**
 * Stages one after the other, as in Optax: each gets the updates of the one before as its gradients. Between
 * them, updates are at least f32, so that f16 has to hold only the last.
 */
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
      let updates = mapTensors(gradients, wide);
      const next = stages.map((stage, i) => {
        const result = stage.update(updates, state[i], parameters);
        updates = result.updates;
        return result.state;
      });
      const rounded = zipTrees(
        (gradient, update) => cast(update, gradient.dtype),
        gradients,
        updates,
      );
      return { updates: rounded, state: next };
    },
    measures: (state) => jointMeasures(stages, state),
  };
}
