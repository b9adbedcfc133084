import { add, cast, full, mul, neg, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { Schedule } from '../schedules/schedule.ts';
import { zipTrees } from '../tree.ts';
import type { Optimizer } from './optimizer.ts';

/** A fixed rate, or one that depends on the number of steps taken before. */
export type LearningRate = number | Schedule;

/** Turns a direction into a step downhill: times minus the learning rate. Counts the steps. */
export function scaleByLearningRate(rate: LearningRate): Optimizer<{ readonly step: Tensor }> {
  return {
    init: () => ({ step: tensor(0, [], 'i32') }),
    update(gradients, { step }, _) {
      const factor = typeof rate === 'number' ? -rate : neg(rate(cast(step, 'f32')));
      return {
        updates: zipTrees((gradient) => cast(mul(gradient, factor), gradient.dtype), gradients),
        state: { step: add(step, 1) },
      };
    },
    measures: ({ step }) => ({
      learningRate: typeof rate === 'number' ? full([], rate) : rate(cast(step, 'f32')),
    }),
  };
}
