import { paths } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';

/** The tensors of a tree, each once, wherever it stands: a layer that a stack repeats takes memory once. */
export function distinctTensors(tree: unknown): Tensor[] {
  return [...new Set(paths(tree).map(([, leaf]) => leaf))];
}
