import { type Optimizer, paths } from '@lorikeet/nn';
import { LorikeetError, mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { constrainModules } from './constrainModules.ts';
import type { StepRule } from './stepRule.ts';
import { placeOf, type TrainedGroup, trainedGroups } from './trainedPlaces.ts';

export interface AdapterOptimizerState {
  readonly inner: unknown;
  /** One for each group of places whose method has a rule. */
  readonly rules: readonly unknown[];
}

/**
 * An optimiser that also does what the methods of the adapters do in each step, such as AdaLoRA's allocation of ranks, or
 * the ball in which CPT holds its changes: for methods that do nothing, it is `inner` itself. The whole step can be compiled, and `fit` takes it as any other.
 *
 * @param inner what makes the updates that the rules then change.
 * @throws LorikeetError `tree-mismatch` for a state that belongs to other adapters.
 * @example
 * const optimizer = adapterOptimizer(adamw({ learningRate: 1e-3 }));
 */
export function adapterOptimizer(inner: Optimizer): Optimizer<AdapterOptimizerState> {
  return {
    init: (parameters) => ({
      inner: inner.init(parameters),
      rules: ruledGroups(parameters).map(({ rule, group }) => rule.init(group.map(placeOf))),
    }),
    update(gradients, state, parameters) {
      const result = inner.update(gradients, state.inner, parameters);
      const groups = ruledGroups(parameters);
      if (groups.length !== state.rules.length) {
        throw new LorikeetError('tree-mismatch', 'the state belongs to other adapters', {
          expected: `rules of ${groups.length} adapters`,
          received: String(state.rules.length),
        });
      }
      const [slopes, steps] = [new Map(paths(gradients)), new Map(paths(result.updates))];
      const changed = new Map(constrainModules(parameters, steps));
      const rules = groups.map(({ rule, group }, i) => {
        const places = group.map((parts) => ({
          ...placeOf(parts),
          gradients: partsIn(slopes, parts.paths),
          updates: partsIn(steps, parts.paths),
        }));
        const next = rule.update(places, state.rules[i]);
        for (const [j, { paths: own }] of group.entries())
          for (const [name, update] of Object.entries(next.updates[j] ?? {}))
            changed.set(own[name] ?? '', update);
        return next.state;
      });
      return {
        updates: mapTensors(result.updates, (leaf, path) => changed.get(path.join('.')) ?? leaf),
        state: { inner: result.state, rules },
      };
    },
    measures: (state) => inner.measures?.(state.inner) ?? {},
  };
}

function ruledGroups(
  tree: unknown,
): { readonly rule: StepRule<unknown>; readonly group: TrainedGroup }[] {
  return trainedGroups(tree).flatMap((group) => {
    const rule = group[0]?.settings.variant.stepRule;
    return rule === undefined ? [] : [{ rule, group }];
  });
}

/** The tensors of a place in another tree of the same structure. */
function partsIn(
  tree: ReadonlyMap<string, Tensor>,
  places: Readonly<Record<string, string>>,
): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    Object.entries(places).flatMap(([name, path]) => {
      const leaf = tree.get(path);
      return leaf === undefined ? [] : [[name, leaf]];
    }),
  );
}
