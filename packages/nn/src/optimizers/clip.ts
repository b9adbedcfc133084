import {
  add,
  cast,
  div,
  full,
  maximum,
  minimum,
  mul,
  promote,
  sqrt,
  type Tensor,
} from '@lorikeet/tensor-core';
import { paths, zipTrees } from '../tree.ts';
import { type Optimizer, stateless } from './optimizer.ts';

/** The Euclidean norm of all tensors of a tree together; a scalar, at least f32. */
export function globalNorm(tree: unknown): Tensor {
  const squares = paths(tree).map(([, leaf]) => {
    const wide = cast(leaf, promote(leaf.dtype, 'f32')); // squares of f16 are soon infinite
    return mul(wide, wide).sum();
  });
  return sqrt(squares.reduce((total, square) => add(total, square), full([], 0)));
}

/** Scales all gradients down together so that their global norm is at most `limit`, as PyTorch's `clip_grad_norm_`. */
export function clipByGlobalNorm(limit: number): Optimizer<null> {
  return {
    init: () => null,
    update(gradients, state, _) {
      const factor = minimum(div(limit, add(globalNorm(gradients), 1e-6)), 1);
      const scale = (gradient: Tensor): Tensor => cast(mul(gradient, factor), gradient.dtype);
      return { updates: zipTrees(scale, gradients), state };
    },
  };
}

/** Bounds every element of every gradient by `limit` in absolute value. */
export function clipByValue(limit: number): Optimizer<null> {
  return stateless((gradient) => maximum(minimum(gradient, limit), -limit));
}
