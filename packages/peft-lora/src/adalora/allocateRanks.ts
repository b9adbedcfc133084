import { zipTrees } from '@lorikeet/nn';
import {
  add,
  cast,
  concat,
  equal,
  gather,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  mod,
  neg,
  ones,
  reshape,
  sort,
  sub,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { StepRule, TrainedPlace } from '../training/stepRule.ts';
import { type BudgetSchedule, budgetDrops } from './budget.ts';
import {
  type Importance,
  type ImportanceDecay,
  measured,
  noImportance,
  tripletScores,
} from './importance.ts';

export interface AllocationConfig extends BudgetSchedule, ImportanceDecay {
  /** Singular values per place that remain, on average. */
  readonly targetRank: number;
  /** Steps between allocations. */
  readonly deltaT: number;
}

/** Kept from step to step. */
interface AllocationState {
  /** Steps taken; i32. */
  readonly step: Tensor;
  readonly importance: readonly Importance[];
  /** For each place bool[R]: the singular values that the last allocation left. */
  readonly kept: readonly Tensor[];
}

/**
 * AdaLoRA's allocation of the budget: after each step the importance of every singular value is measured, and as many as
 * the schedule says, the least important of all places, are set to 0. They go on to train, and may come back until the
 * schedule ends; then the choice stands.
 */
export function allocateRanks<Config extends AllocationConfig>(): StepRule<Config> {
  return {
    init: (places): AllocationState => ({
      step: tensor(0, [], 'i32'),
      importance: places.map(({ parameters }) => noImportance(parameters)),
      kept: places.map((place) => ones([rankAt(place)], 'bool')),
    }),
    update(places, state) {
      const [config] = places.map((place) => place.config);
      const before = state as AllocationState;
      if (config === undefined) return { updates: [], state };
      const { step } = before;
      const end = config.totalSteps - config.tFinal;
      const isMeasured = less(step, end);
      const importance = places.map((place, i) => {
        const last = before.importance[i] ?? noImportance(place.parameters);
        const parameters = zipTrees(add, place.parameters, place.updates);
        const next = measured(last, { parameters, gradients: place.gradients }, config);
        return zipTrees((now, then) => where(isMeasured, now, then), next, last);
      });
      const isDue = logicalAnd(
        logicalAnd(greater(step, config.tInit), lessEqual(step, end)),
        logicalOr(equal(mod(step, config.deltaT), 0), equal(step, end)),
      );
      const chosen = mostImportant(importance.map(tripletScores), removedAt(step, places, config));
      const kept = chosen.map((mask, i) => where(isDue, mask, before.kept[i] ?? mask));
      const acts = logicalOr(isDue, greater(step, end));
      return {
        updates: places.map(({ parameters, updates }, i) => {
          const [E, change] = [parameterOf(parameters, 'E'), parameterOf(updates, 'E')]; // [R, 1]
          const stays = logicalOr(logicalNot(acts), reshape(kept[i] ?? acts, E.shape));
          return { E: where(stays, change, neg(E)) };
        }),
        state: { step: add(step, 1), importance, kept },
      };
    },
  };
}

function rankAt({ parameters }: TrainedPlace<unknown>): number {
  return parameterOf(parameters, 'E').size;
}

/** How many singular values the schedule has taken away by a step: i32[]. */
function removedAt(
  step: Tensor,
  places: readonly TrainedPlace<unknown>[],
  config: AllocationConfig,
): Tensor {
  const first = places.reduce((sum, place) => sum + rankAt(place), 0);
  const drops = budgetDrops(config, first, config.targetRank * places.length);
  if (drops.length === 0) return tensor(0, [], 'i32');
  return cast(greaterEqual(step, tensor(drops, [drops.length], 'i32')), 'i32').sum();
}

/** For each place the scores that are above the `removed` lowest of all, and above those that equal these. */
function mostImportant(scores: readonly Tensor[], removed: Tensor): Tensor[] {
  const sorted = sort(concat(scores));
  const threshold = gather(sorted, maximum(sub(removed, 1), 0));
  return scores.map((score) => logicalOr(greater(score, threshold), equal(removed, 0)));
}
