import { add, cast, equal, mul, sub, type Tensor, tensor, where } from '@lorikeet/tensor-core';
import { zipTrees } from '../tree.ts';
import { wide, zerosLike } from './optimizer.ts';
import { weightOfSteps } from './weightOfSteps.ts';

export interface EmaOptions {
  /** How much of the mean is kept in a step. Defaults to 0.999. */
  readonly decay?: number;
  /** Whether the mean starts from nothing and is corrected for it, as in Adam, instead of from the first values. */
  readonly debias?: boolean;
}

export interface EmaState<T> {
  /** Steps taken; i32. */
  readonly step: Tensor;
  /** Of the structure of the parameters; at least f32. */
  readonly mean: T;
}

/** An exponential moving average of parameters, which is often the better model. Polyak and Juditsky 1992. */
export interface Ema {
  init<T>(parameters: T): EmaState<T>;
  /** To be called with the parameters after each step. */
  update<T>(parameters: T, state: EmaState<T>): EmaState<T>;
  /** The averaged parameters in the dtypes of `parameters`; these themselves before the first update. */
  average<T>(parameters: T, state: EmaState<T>): T;
}

export function ema({ decay = 0.999, debias = false }: EmaOptions = {}): Ema {
  // As a difference, of which nothing is left when the values stay: decay and 1 - decay do not add up to 1 in f32.
  const mix = (mean: Tensor, value: Tensor): Tensor =>
    add(mean, mul(sub(wide(value), mean), 1 - decay));
  return {
    init: (parameters) => ({ step: tensor(0, [], 'i32'), mean: zerosLike(parameters) }),
    update: (parameters, { step, mean }) => ({
      step: add(step, 1),
      mean: zipTrees(
        (before, parameter) =>
          debias
            ? mix(before, parameter)
            : where(equal(step, 0), wide(parameter), mix(before, parameter)),
        mean,
        parameters,
      ),
    }),
    average: (parameters, { step, mean }) =>
      zipTrees(
        (parameter, sum) => {
          const value = debias ? sum.div(weightOfSteps(decay, step, sum)) : sum;
          return where(equal(step, 0), parameter, cast(value, parameter.dtype));
        },
        parameters,
        mean,
      ),
  };
}
