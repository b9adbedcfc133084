import { LawViolation, optimizerLaws } from '@lorikeet/laws';
import {
  adam,
  chain,
  mapTree,
  momentum,
  type Optimizer,
  paths,
  scaleByLearningRate,
  sgd,
  stateless,
  zipTrees,
} from '@lorikeet/nn';
import {
  add,
  cast,
  div,
  mapLeaves,
  maximum,
  mul,
  sqrt,
  sum,
  Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// A law that no mistake can break is no law.

const laws = {
  mirror:
    'keeps a state that mirrors the parameters, and neither its structure nor its types change',
  types: 'gives updates of the structure and the types of the parameters',
  frozen: 'keeps nothing for a frozen parameter, and leaves it as it is',
  count: 'counts one more with every step',
  saved: 'goes on from a saved state as if it had not stopped',
  donated: 'gives the same when the memory of parameters and state is given away',
  order: 'does not depend on the order of parameters',
  alone: 'treats a parameter as if it were alone',
  rest: 'leaves parameters where they are while gradients are 0',
  compiled: 'gives the same compiled, by one plan',
  down: 'goes down a convex quadratic with every parameter',
  half: 'keeps f16 parameters finite',
} as const;

const rate = 0.1;
const down = scaleByLearningRate(rate);
const right = chain(momentum(0.5), down);
const likeParameters = <T>(tree: T): T => mapTree(tree, (leaf) => zeros(leaf.shape, leaf.dtype));

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

/** Divides by the root of a sum of squares in the dtype of the parameters. */
const narrow: Optimizer = {
  init: likeParameters,
  update(gradients, state, _) {
    const sums = zipTrees((g, s) => add(s, mul(g, g)), gradients, state);
    return { updates: zipTrees((g, s) => div(g, sqrt(s)), gradients, sums), state: sums };
  },
};

/** As `fn` says for each path. */
const byPath = (fn: (gradient: Tensor, path: string) => Tensor): Optimizer => ({
  init: () => null,
  update: (gradients, state, _) => ({
    updates: mapTree(gradients, (g, path) => fn(g, path.join('.'))),
    state,
  }),
});

/** As `fn` says for each place in the order of parameters. */
const byPlace = (fn: (gradient: Tensor, place: number) => Tensor): Optimizer => ({
  init: () => null,
  update(gradients, state, _) {
    let place = 0;
    return { updates: mapTree(gradients, (g) => fn(g, place++)), state };
  },
});

const shared: Optimizer = {
  init: () => null,
  update(gradients, state, _) {
    const sizes = paths(gradients).map(([, g]) => cast(sum(mul(g, g)), 'f32'));
    const largest = sizes.reduce((a, b) => maximum(a, b), tensor(1));
    return { updates: mapTree(gradients, (g) => cast(div(g, largest), g.dtype)), state };
  },
};

/** A mistake, the optimiser that makes it, and the name of the law that must find it. */
const mutants: readonly (readonly [mistake: string, optimizer: Optimizer, killer: string])[] = [
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
  [
    'a smaller rate for parameters that come later',
    byPlace((g, place) => div(g, -10 * (place + 1))),
    laws.order,
  ],
  ['a scale of all parameters together that nobody declared', chain(shared, down), laws.alone],
  ['weight decay that nobody declared', sgd({ learningRate: rate, weightDecay: 0.1 }), laws.rest],
  ['steps of one size', stateless((g) => mul(g, 0).sub(rate)), laws.rest],
  ['the way uphill', stateless((g) => mul(g, rate)), laws.down],
  [
    'biases that never learn',
    byPath((g, path) => mul(g, path.endsWith('bias') ? 0 : -rate)),
    laws.down,
  ],
  ['a rate that is far too large', sgd({ learningRate: 100 }), laws.down],
  ['squares in half precision', narrow, laws.half],
];

function lawOf(name: string, optimizer: Optimizer) {
  return optimizerLaws(optimizer).find((law) => law.name === name);
}

test('optimisers as they are obey every law', async () => {
  for (const optimizer of [right, adam({ learningRate: rate })])
    for (const law of optimizerLaws(optimizer)) await law.check({ seed: 2, runs: 5 });
});

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, optimizer, killer) => {
    await expect(lawOf(killer, optimizer)?.check({ runs: 30, seed: 1 })).rejects.toThrow(
      LawViolation,
    );
  });
});

test('every law finds some mistake', () => {
  const names = optimizerLaws(right).map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.values(laws).toSorted());
  const killers = new Set(mutants.map(([, , killer]) => killer));
  expect(names.filter((name) => !killers.has(name))).toEqual([]);
});

test('what an optimiser declares is not held against it', () => {
  const count = (options = {}): number => optimizerLaws(right, options).length;
  expect(count({ couplesParameters: true })).toBe(count() - 1);
  expect(count({ movesWithoutGradient: true })).toBe(count() - 1);
  expect(count({ isStage: true })).toBe(count() - 2);
});
