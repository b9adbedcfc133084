import { add, cast, mapTensors, mul, promote, type Tensor, zeros } from '@lorikeet/tensor-core';
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
  /** What is worth writing down of the step that starts from `state`, such as the learning rate: scalars by name. */
  measures?(state: State): Measures;
}

export type Measures = Readonly<Record<string, Tensor>>;

/** What parts of an optimiser have to say, each of its own state. A name that is there already gets a number. */
export function jointMeasures(parts: readonly Optimizer[], states: readonly unknown[]): Measures {
  const all: Record<string, Tensor> = {};
  for (const [i, part] of parts.entries())
    for (const [name, value] of Object.entries(part.measures?.(states[i]) ?? {})) {
      let free = name;
      for (let n = 2; free in all; n++) free = `${name}${n}`;
      all[free] = value;
    }
  return all;
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

/** In the dtype that states are kept in: at least f32, since squares of f16 are soon 0 or infinite. */
export function wide(x: Tensor): Tensor {
  return cast(x, promote(x.dtype, 'f32'));
}

/** Zeros in the place of every tensor; at least f32. */
export function zerosLike<T>(tree: T): T {
  return mapTensors(tree, (leaf) => zeros(leaf.shape, promote(leaf.dtype, 'f32')));
}

/** The mean of the values so far that forgets them by `decay` each step. */
export function decaying(decay: number): (mean: Tensor, value: Tensor) => Tensor {
  return (mean, value) => add(mul(mean, decay), mul(wide(value), 1 - decay));
}

/** As `decaying`, of the squares. */
export function decayingSquare(decay: number): (mean: Tensor, value: Tensor) => Tensor {
  return (mean, value) => {
    const precise = wide(value);
    return add(mul(mean, decay), mul(mul(precise, precise), 1 - decay));
  };
}
