import { mapTree, type Optimizer, scaleByLearningRate } from '@lorikeet/nn';
import { type Tensor, zeros } from '@lorikeet/tensor-core';

/** A mistake, the optimiser that makes it, and the name of the law that must find it. */
export type OptimizerMutant = readonly [mistake: string, optimizer: Optimizer, killer: string];

export const laws = {
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

export const rate = 0.1;
export const down: Optimizer<{ readonly step: Tensor }> = scaleByLearningRate(rate);

export function likeParameters<T>(tree: T): T {
  return mapTree(tree, (leaf) => zeros(leaf.shape, leaf.dtype));
}
