import { zipTrees } from '@lorikeet/nn';
import {
  add,
  cast,
  concat,
  equal,
  expandDims,
  gather,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  mapTensors,
  maximum,
  ones,
  reshape,
  sort,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
  zeros,
} from '@lorikeet/tensor-core';
import { type Importance, noImportance } from '../adalora/importance.ts';
import { parameterOf } from '../parameterOf.ts';
import type { StepRule, TrainedPlace } from '../training/stepRule.ts';
import type { Tensors } from '../variant.ts';
import { measured, type SubspaceDecay, scoresOf } from './subspaceImportance.ts';

export interface SubspaceSchedule extends SubspaceDecay {
  readonly useAsa: boolean;
  readonly asaTargetSubspaces: number;
  readonly initWarmup: number;
  readonly finalWarmup: number;
  readonly maskInterval: number;
  readonly asaScheduleExponent: number;
}

interface SubspaceState {
  /** Steps taken; i32. */
  readonly step: Tensor;
  readonly importance: readonly Importance[];
  /** For each place bool [count]: the subspaces that train. */
  readonly active: readonly Tensor[];
}

/**
 * AdaMSS's adaptive allocation: between two steps the importance of each subspace is measured, and at intervals as many
 * of all places go on to train as a schedule says. The others keep what they have, and never train again.
 */
export function allocateSubspaces<Config extends SubspaceSchedule>(): StepRule<Config> {
  return {
    init: (places): SubspaceState | null =>
      places[0]?.config.useAsa === true
        ? {
            step: tensor(0, [], 'i32'),
            importance: places.map(({ parameters }) => noImportance(parameters)),
            active: places.map((place) => ones([countOf(place)], 'bool')),
          }
        : null,
    update(places, state) {
      const [config] = places.map((place) => place.config);
      if (config?.useAsa !== true) return { updates: places.map(() => ({})), state };
      const { step, importance: before, active } = state as SubspaceState;
      const updates = places.map((place, i) => held(place.updates, active[i], countOf(place)));
      const isMeasured = logicalAnd(
        greaterEqual(step, config.initWarmup),
        lessEqual(step, config.finalWarmup),
      );
      const importance = places.map(({ parameters, gradients }, i) => {
        const last = before[i] ?? noImportance(parameters);
        const moved = zipTrees(add, parameters, updates[i] ?? {});
        const next = measured(last, moved, gradients, config);
        return zipTrees((now, then) => where(isMeasured, now, then), next, last);
      });
      const { isDue, target } = targetAt(step, places, config);
      const left = mostImportant(
        importance.map((found, i) => scoresOf(found, countOf(places[i]))),
        active,
        target,
        places[0]?.compat,
      );
      return {
        updates,
        state: {
          step: add(step, 1),
          importance: importance.map((tree) =>
            mapTensors(tree, (leaf) => where(isDue, zeros(leaf.shape, leaf.dtype), leaf)),
          ),
          active: left.map((mask, i) => where(isDue, mask, active[i] ?? mask)),
        },
      };
    },
  };
}

function countOf(place: TrainedPlace<unknown> | undefined): number {
  return parameterOf(place?.parameters ?? {}, 'A').shape[0] ?? 0;
}

/** What the optimiser would change, of the subspaces that train alone. */
function held({ A, B }: Tensors, active: Tensor | undefined, count: number): Tensors {
  if (A === undefined || B === undefined || active === undefined) return {};
  const [out = 0, width = 0] = B.shape;
  const columns = reshape(B, [out, count, width / count]);
  return {
    A: where(reshape(active, [count, 1, 1]), A, 0),
    B: reshape(where(expandDims(active, 1), columns, 0), B.shape),
  };
}

/** Whether subspaces are chosen after a step, and how many go on: bool[] and i32[]. */
function targetAt(
  step: Tensor,
  places: readonly TrainedPlace<unknown>[],
  config: SubspaceSchedule,
): { readonly isDue: Tensor; readonly target: Tensor } {
  const { initWarmup, finalWarmup, maskInterval, asaTargetSubspaces, asaScheduleExponent } = config;
  const all = places.reduce((total, place) => total + countOf(place), 0);
  const first = Math.ceil(initWarmup / maskInterval) * maskInterval;
  const steps: number[] = [];
  for (let due = first; due <= finalWarmup; due += maskInterval) steps.push(due);
  if (steps.length === 0) return { isDue: less(step, 0), target: tensor(0, [], 'i32') };
  const targets = steps.map((due) => {
    const left = 1 - (due - initWarmup) / (finalWarmup - initWarmup);
    const surplus = (all - asaTargetSubspaces) * left ** asaScheduleExponent;
    return Math.trunc(asaTargetSubspaces + surplus);
  });
  const isNow = equal(step, tensor(steps, [steps.length], 'i32'));
  return {
    isDue: greater(sum(cast(isNow, 'i32')), 0),
    target: sum(where(isNow, tensor(targets, [targets.length], 'i32'), 0)),
  };
}

/** For each place which of the active ones are among the `target` of highest score of all; all, if these are not more. */
function mostImportant(
  scores: readonly Tensor[],
  active: readonly Tensor[],
  target: Tensor,
  compat: 'peft' | undefined,
): Tensor[] {
  const known = scores.map((score, i) => where(active[i] ?? greaterEqual(score, 0), score, -1));
  const sorted = sort(concat(known));
  const [all = 0] = sorted.shape;
  const there = sum(cast(concat([...active]), 'i32'));
  const isEnough = logicalNot(less(target, there));
  const threshold = gather(sorted, maximum(sub(all, maximum(target, 1)), 0));
  // In PEFT the last of them goes, too.
  const isAbove = compat === 'peft' ? greater : greaterEqual;
  return known.map((score, i) =>
    logicalAnd(active[i] ?? isEnough, logicalOr(isEnough, isAbove(score, threshold))),
  );
}
