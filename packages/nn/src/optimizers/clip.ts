import { add, div, full, maximum, minimum, mul, sqrt, type Tensor } from '@lorikeet/tensor-core';
import { paths, zipTrees } from '../tree.ts';
import { type Optimizer, stateless } from './optimizer.ts';

/** The Euclidean norm of all tensors of a tree together; a scalar. */
export function globalNorm(tree: unknown): Tensor {
  const squares = paths(tree).map(([, leaf]) => mul(leaf, leaf).sum());
  return sqrt(squares.reduce((total, square) => add(total, square), full([], 0)));
}

/** Scales all gradients down together so that their global norm is at most `limit`, as PyTorch's `clip_grad_norm_`. */
export function clipByGlobalNorm(limit: number): Optimizer<null> {
  return {
    init: () => null,
    update(gradients, state, _) {
      const factor = minimum(div(limit, add(globalNorm(gradients), 1e-6)), 1);
      return { updates: zipTrees((gradient) => mul(gradient, factor), gradients), state };
    },
  };
}

/** Bounds every element of every gradient by `limit` in absolute value. */
export function clipByValue(limit: number): Optimizer<null> {
  return stateless((gradient) => maximum(minimum(gradient, limit), -limit));
}
