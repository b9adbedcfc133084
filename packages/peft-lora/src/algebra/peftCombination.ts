import {
  concat,
  LorikeetError,
  maximum,
  minimum,
  mul,
  reshape,
  sliceAxis,
  sort,
  svd,
  type Tensor,
} from '@lorikeet/tensor-core';
import { type MergeRule, requireAlike, sumOfTensors, type Weighted } from './adapterUpdate.ts';
import { type CombinationPlan, prune } from './combinationPlan.ts';
import { denseOf, fromSvd, type LowRank, rankOf, scaled, sumOf, truncated } from './lowRank.ts';
import { electSign, mergeAgreeing } from './taskVectors.ts';

/**
 * The combinations as PEFT 0.21 computes them, to reproduce its adapters. Against the mathematics: factors are merged
 * apart, so that each A meets the B of others, and a result depends on how an update is written as a product; votes
 * ignore the weights; an adapter with rsLoRA first makes the result larger by the root of its rank. The clamp cuts the
 * singular vectors after the values are worked into them on one side, as PEFT does.
 */
export function peftRule(plan: CombinationPlan): MergeRule {
  return {
    pair(found, path) {
      requireAlike(
        found.map(([, pair]) => pair),
        path,
      );
      const merged = mergePairs(found, plan, path);
      // The new alpha is the new rank, which without rsLoRA is a scaling of 1.
      return plan.useRslora ? scaled(merged, Math.sqrt(rankOf(merged))) : merged;
    },
    tensor: (_, path) => {
      throw refusal('biases and whole tensors beside adapters', path);
    },
  };
}

function mergePairs(
  found: readonly Weighted<LowRank>[],
  plan: CombinationPlan,
  path: string,
): LowRank {
  if (plan.method === 'cat') return sumOf(found.map(([by, pair]) => scaled(pair, by)));
  if (!plan.isSvd) return ofFactors(found, plan, path);
  const rank = plan.rank ?? Math.max(...found.map(([, pair]) => rankOf(pair)));
  const nearest =
    plan.method === 'linear'
      ? truncated(sumOf(found.map(([by, pair]) => scaled(pair, by))), rank)
      : fromSvd(svd(mergeDense(found, plan, path)), rank);
  if (plan.clamp === undefined) return nearest;
  const { left, right, scale } = nearest;
  return { ...clamped(left, right, plan.clamp), scale };
}

/** A and B merged apart, each with the root of the weight; the sign goes to A. */
function ofFactors(
  found: readonly Weighted<LowRank>[],
  plan: CombinationPlan,
  path: string,
): LowRank {
  if (new Set(found.map(([, pair]) => rankOf(pair))).size > 1)
    throw refusal(`${plan.method} of adapters with different ranks`, path);
  const roots = found.map(([by, { scale }]) => Math.sqrt(Math.abs(by * scale)));
  const signed = found.map(([by, { scale }], i) => Math.sign(by * scale) * (roots[i] ?? 0));
  const right = mergeParts(
    found.map(([, pair], i) => [signed[i] ?? 0, pair.right]),
    plan,
    `${path}.A`,
  );
  const left = mergeParts(
    found.map(([, pair], i) => [roots[i] ?? 0, pair.left]),
    plan,
    `${path}.B`,
  );
  return { left, right, scale: 1 };
}

/** The dense updates, whose elements the method compares. */
function mergeDense(
  found: readonly Weighted<LowRank>[],
  plan: CombinationPlan,
  path: string,
): Tensor {
  return mergeParts(
    found.map(([by, pair]): Weighted<Tensor> => [by, denseOf(pair)]),
    plan,
    path,
  );
}

function mergeParts(
  parts: readonly Weighted<Tensor>[],
  plan: CombinationPlan,
  path: string,
): Tensor {
  if (plan.method === 'linear') return sumOfTensors(parts);
  const pruned = parts.map(([by, value], i): Weighted<Tensor> => [by, prune(value, plan, i, path)]);
  if (!plan.method.includes('ties')) return sumOfTensors(pruned);
  const votes = pruned.map(([, value]) => value);
  const weighted = pruned.map(([by, value]) => mul(value, by));
  return mergeAgreeing(weighted, votes, electSign(votes, plan.majoritySign));
}

/** Both factors cut at a quantile of all their elements, as PEFT's `svd_clamp`. */
function clamped(left: Tensor, right: Tensor, quantile: number): Pick<LowRank, 'left' | 'right'> {
  const all = sort(concat([left, right].map((part) => reshape(part, [part.size]))));
  const place = quantile * (all.size - 1);
  const below = Math.min(Math.floor(place), all.size - 1);
  const at = (i: number): Tensor => sliceAxis(all, 0, Math.min(i, all.size - 1), 1);
  const high = at(below).add(mul(at(below + 1).sub(at(below)), place - below));
  const cut = (part: Tensor): Tensor => maximum(minimum(part, high), mul(high, -1));
  return { left: cut(left), right: cut(right) };
}

function refusal(what: string, path: string): LorikeetError {
  return new LorikeetError('unsupported', `PEFT does not combine ${what}`, {
    path,
    hint: 'without compat it is combined',
  });
}
