import type { Context } from '@lorikeet/nn';
import { foldIn, normal, square, sum, type Tensor } from '@lorikeet/tensor-core';

interface Draws {
  /** [N, R, in] */
  readonly samples: Tensor;
  /** [R] */
  readonly wishart: Tensor;
  /** [N] */
  readonly dirichlet: Tensor;
}

/** The numbers that MonteCLoRA draws in a context. */
export function drawsIn(
  { key }: Context,
  { samples, rank, inputs }: Readonly<Record<'samples' | 'rank' | 'inputs', number>>,
): Draws {
  if (key === undefined) throw new Error('evaluation draws nothing');
  return {
    samples: normal(foldIn(key, 'samples'), [samples, rank, inputs]),
    wishart: sum(square(normal(foldIn(key, 'wishart'), [rank, rank])), 1),
    dirichlet: normal(foldIn(key, 'dirichlet'), [samples]),
  };
}

/** The context in which an adapter draws, of a layer that is called with one. */
export function ofAdapter(context: Context, name = 'default'): Context {
  return context.child('weight').child(name);
}

/** The context in which the penalty of the only adapter draws, for one place. */
export function ofPenalty(context: Context, path: string): Context {
  return context.child('penalty').child(0).child(path);
}
