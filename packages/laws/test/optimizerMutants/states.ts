import { chain, mapTree, momentum, type Optimizer, paths, stateless, zipTrees } from '@lorikeet/nn';
import { add, cast, div, mapLeaves, mul, Tensor, tensor, zeros } from '@lorikeet/tensor-core';
import { down, laws, likeParameters, type OptimizerMutant, rate } from './optimizerMutant.ts';

/** Momentum with some of its parts exchanged. */
const changed = (change: Partial<Optimizer>): Optimizer => ({ ...momentum(0.5), ...change });

/** The mean of gradients so far, kept where the state does not show it. */
function secretive(): Optimizer {
  let velocity: unknown;
  return {
    init: () => null,
    update(gradients, state, _) {
      const before = velocity ?? likeParameters(gradients);
      const updates = zipTrees((g, v) => add(g, mul(v, 0.5)), gradients, before);
      velocity = updates;
      return { updates, state };
    },
  };
}

/** Counts its steps in a number, not in a tensor. */
const numbering: Optimizer<{ readonly count: number }> = {
  init: () => ({ count: 0 }),
  update: (gradients, { count }, _) => ({
    updates: mapTree(gradients, (g) => div(g, count + 1)),
    state: { count: count + 1 },
  }),
};

/** Momentum in a list without names. */
const flat: Optimizer<readonly Tensor[]> = {
  init: (parameters) => paths(parameters).map(([, { shape, dtype }]) => zeros(shape, dtype)),
  update(gradients, state, _) {
    const next = paths(gradients).map(([, g], i) => add(mul(state[i] ?? g, 0.5), g));
    let place = 0;
    return { updates: mapTree(gradients, (g) => next[place++] ?? g), state: next };
  },
};

/** Mistakes in what is remembered, and in the types of what is given. */
export const stateMutants: readonly OptimizerMutant[] = [
  ['a state without names', chain(flat, down), laws.mirror],
  [
    'a state that changes its dtype',
    changed({
      init: likeParameters,
      update(gradients, state, parameters) {
        const { updates } = momentum(0.5).update(gradients, state, parameters);
        return { updates, state: mapTree(updates, (v) => cast(v, 'f32')) };
      },
    }),
    laws.mirror,
  ],
  [
    'a state that is there only after the first step',
    changed({
      init: () => null,
      update: (gradients) => ({ updates: gradients, state: gradients }),
    }),
    laws.mirror,
  ],
  ['updates that are always f32', stateless((g) => mul(cast(g, 'f32'), -rate)), laws.types],
  [
    'an update in the place of a frozen parameter',
    changed({
      update<T>(gradients: T, state: unknown) {
        const fill = (leaf: unknown): unknown => (leaf === null ? tensor(0) : leaf);
        return { updates: mapLeaves(gradients, fill) as T, state };
      },
    }),
    laws.frozen,
  ],
  [
    'a state for frozen parameters',
    {
      init: (parameters) =>
        mapLeaves(parameters, (leaf) => (leaf instanceof Tensor ? leaf.mul(0) : zeros([1]))),
      update: (gradients, state, _) => ({ updates: gradients, state }),
    },
    laws.frozen,
  ],
  [
    'a counter that stands still',
    {
      ...down,
      update: (gradients, state, _) => ({ updates: gradients, state }),
    } satisfies Optimizer<{ readonly step: Tensor }>,
    laws.count,
  ],
  ['a state in a variable', chain(secretive(), down), laws.saved],
  ['a counter that is no tensor', chain(numbering, down), laws.saved],
  ['a counter that is no tensor', chain(numbering, down), laws.compiled],
  [
    'a state that is the parameters themselves at first',
    {
      init: (parameters) => parameters,
      update: (gradients, state) => ({
        updates: gradients,
        state: mapTree(state, (x) => mul(x, 2)),
      }),
    },
    laws.donated,
  ],
];
