import { add, cast, minimum, mul, rsqrt } from '@lorikeet/tensor-core';
import type { Schedule } from '../schedules/schedule.ts';
import { zipTrees } from '../tree.ts';
import { chain } from './chain.ts';
import { type LearningRate, scaleByLearningRate } from './learningRate.ts';
import { decaying, type Optimizer, stateless, zerosLike } from './optimizer.ts';
import { clipByRms, scaleByParameterRms } from './rootMeanSquare.ts';
import { type FactoredRmsOptions, scaleByFactoredRms } from './scaleByFactoredRms.ts';

export interface AdafactorOptions extends FactoredRmsOptions {
  /** Defaults to `relativeStep()`. */
  readonly learningRate?: LearningRate;
  /** Bound of the root mean square of an update before it is scaled. Defaults to 1. */
  readonly clipThreshold?: number;
  /** Whether the rate is relative to the size of a parameter. Defaults to true. */
  readonly scaleParameter?: boolean;
  /** The least size of a parameter that the rate is relative to. Defaults to 1e-3. */
  readonly leastParameter?: number;
  /** Decay of a mean of updates; none is kept if it is left out. */
  readonly beta1?: number;
  /** Decoupled. Defaults to 0. */
  readonly weightDecay?: number;
}

/**
 * Adam's scaling with the memory of rows and columns only, as `Adafactor` of transformers with its defaults.
 * Shazeer and Stern 2018.
 */
export function adafactor({
  learningRate = relativeStep(),
  clipThreshold = 1,
  scaleParameter = true,
  leastParameter = 1e-3,
  beta1,
  weightDecay = 0,
  ...options
}: AdafactorOptions = {}): Optimizer<readonly unknown[]> {
  const scale = [
    ...(scaleParameter ? [scaleByParameterRms(leastParameter)] : []),
    scaleByLearningRate(learningRate),
  ];
  const step = chain(
    scaleByFactoredRms(options),
    clipByRms(clipThreshold),
    ...scale,
    ...(beta1 === undefined ? [] : [meanUpdate(beta1)]),
  );
  if (weightDecay === 0) return step;
  return together(
    step,
    chain(
      stateless((_, parameter) => mul(parameter, weightDecay)),
      ...scale,
    ),
  );
}

/** Adafactor's own rate of step t from 1: `1 / sqrt(t)`, at most 0.01, or at most `1e-6 t` to warm up. */
export function relativeStep({ warmup = false }: { readonly warmup?: boolean } = {}): Schedule {
  return (step) => {
    const t = add(step, 1);
    return minimum(warmup ? mul(t, 1e-6) : 1e-2, rsqrt(t));
  };
}

function meanUpdate(decay: number): Optimizer<unknown> {
  return {
    init: zerosLike,
    update(gradients, state, _) {
      const means = zipTrees(decaying(decay), state, gradients);
      const updates = zipTrees((gradient, mean) => cast(mean, gradient.dtype), gradients, means);
      return { updates, state: means };
    },
  };
}

/** The sum of what two optimisers make of the same gradients. */
function together(a: Optimizer, b: Optimizer): Optimizer<readonly unknown[]> {
  return {
    init: (parameters) => [a.init(parameters), b.init(parameters)],
    update(gradients, state, parameters) {
      const [first, second] = [
        a.update(gradients, state[0], parameters),
        b.update(gradients, state[1], parameters),
      ];
      const updates = zipTrees((x, y) => add(x, y), first.updates, second.updates);
      return { updates, state: [first.state, second.state] };
    },
  };
}
