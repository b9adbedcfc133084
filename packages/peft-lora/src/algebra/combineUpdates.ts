import { mul, type Tensor } from '@lorikeet/tensor-core';
import {
  type AdapterUpdate,
  type MergeRule,
  mergeByPath,
  requireAlike,
  sumOfTensors,
  type Weighted,
  type WeightedUpdate,
  weightedSum,
} from './adapterUpdate.ts';
import { type CombinationPlan, type CombineOptions, planOf, prune } from './combinationPlan.ts';
import { type LowRank, rankOf, truncated } from './lowRank.ts';
import { peftRule } from './peftCombination.ts';
import { sharedBasis } from './sharedBasis.ts';
import { electSign, mergeAgreeing } from './taskVectors.ts';

/**
 * A weighted combination of adapters: PEFT's `add_weighted_adapter`. Weights may be negative.
 *
 * `linear` and `cat` are the exact sum, whose rank is the sum of theirs; an svd kind is the nearest update of a rank.
 * Ties, dare and magnitude_prune compare the adapters' updates element by element in one basis for all of them
 * (`sharedBasis`), so that the result depends on the updates only, never on how each is written as a product.
 *
 * @throws LorikeetError `invalid-argument` for a missing or faulty option; `shape-mismatch`.
 */
export function combineUpdates(
  terms: readonly WeightedUpdate[],
  options: CombineOptions = {},
): AdapterUpdate {
  const plan = planOf(terms, options);
  if (options.compat === 'peft') return mergeByPath(terms, peftRule(plan));
  if (plan.method !== 'linear' && plan.method !== 'cat') return mergeByPath(terms, ruleOf(plan));
  const exact = weightedSum(terms);
  if (!plan.isSvd) return exact;
  return exact.mapPairs((pair, path) => truncated(pair, plan.rank ?? largestRank(terms, path)));
}

function ruleOf(plan: CombinationPlan): MergeRule {
  return {
    pair(found, path) {
      const pairs = found.map(([, pair]) => pair);
      requireAlike(pairs, path);
      const { basis, coordinates } = sharedBasis(pairs);
      const weighted = coordinates.map((value, i): Weighted<Tensor> => [found[i]?.[0] ?? 0, value]);
      const merged: LowRank = {
        left: basis,
        right: mergeElements(weighted, plan, path),
        scale: 1,
      };
      return plan.isSvd ? truncated(merged, plan.rank ?? Math.max(...pairs.map(rankOf))) : merged;
    },
    tensor: (found, path) => mergeElements(found, plan, path),
  };
}

/** Prunes, weighs, elects and adds up. A negative weight turns a vote round, as it turns the update round. */
function mergeElements(
  found: readonly Weighted<Tensor>[],
  plan: CombinationPlan,
  path: string,
): Tensor {
  const weighted = found.map(([by, value], i) => mul(prune(value, plan, i, path), by));
  if (!plan.method.includes('ties')) return sumOfTensors(weighted.map((value) => [1, value]));
  return mergeAgreeing(weighted, weighted, electSign(weighted, plan.majoritySign));
}

function largestRank(terms: readonly WeightedUpdate[], path: string): number {
  return Math.max(
    1,
    ...terms.flatMap(([, { pairs }]) => {
      const pair = pairs[path];
      return pair === undefined ? [] : [rankOf(pair)];
    }),
  );
}
