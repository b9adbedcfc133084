import { mapTensors, type Tensor, zeros } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';

/** What a stage passes on: what is to be added to the parameters, and its state for the next step. */
export interface Update<T, State> {
  readonly updates: T;
  readonly state: State;
}

/**
 * One stage of an optimiser: turns gradients into updates. Pure: its state is a tree of tensors beside the
 * parameters, so that a whole step can be compiled.
 */
export interface Optimizer<State = unknown> {
  /** The state before the first step, for parameters of such a structure. */
  init(parameters: unknown): State;
  update<T>(gradients: T, state: State, parameters: T): Update<T, State>;
}

/** The parameters after a step. */
export function applyUpdates<T>(parameters: T, updates: T): T {
  return zipTrees((parameter, update) => parameter.add(update), parameters, updates);
}

/** A stage that treats every tensor by itself and remembers nothing. */
export function stateless(fn: (gradient: Tensor, parameter: Tensor) => Tensor): Optimizer<null> {
  return {
    init: () => null,
    update: (gradients, state, parameters) => ({
      updates: zipTrees((gradient, parameter) => fn(gradient, parameter), gradients, parameters),
      state,
    }),
  };
}

/** Zeros in the place of every tensor. */
export function zerosLike<T>(tree: T): T {
  return mapTensors(tree, (leaf) => zeros(leaf.shape, leaf.dtype));
}
