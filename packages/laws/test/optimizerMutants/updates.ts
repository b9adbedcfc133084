import { chain, mapTree, type Optimizer, paths, sgd, stateless, zipTrees } from '@lorikeet/nn';
import {
  add,
  cast,
  div,
  maximum,
  mul,
  sqrt,
  sum,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { down, laws, likeParameters, type OptimizerMutant, rate } from './optimizerMutant.ts';

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

/** Mistakes in how parameters move. */
export const updateMutants: readonly OptimizerMutant[] = [
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
