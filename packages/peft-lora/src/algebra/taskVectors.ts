import {
  abs,
  add,
  bernoulli,
  cast,
  div,
  equal,
  greaterEqual,
  maximum,
  mul,
  putAlongAxis,
  reshape,
  sign,
  type Tensor,
  topk,
  where,
  zeros,
} from '@lorikeet/tensor-core';

export type MajoritySign = 'total' | 'frequency';

/** Keeps the share `density` of the elements that are largest, and zeros the others. */
export function pruneByMagnitude(x: Tensor, density: number): Tensor {
  const kept = Math.trunc(density * x.size);
  if (kept === x.size) return x;
  const flat = reshape(x, [x.size]);
  const mask = putAlongAxis(zeros(flat.shape, x.dtype), topk(abs(flat), kept).indices, 1);
  return reshape(mul(flat, mask), x.shape);
}

/** Keeps each element with probability `density`, and divides by it, so that the mean stays: Yu et al. 2023 (DARE). */
export function pruneAtRandom(x: Tensor, density: number, key: Tensor): Tensor {
  const kept = bernoulli(key, x.shape, density);
  return where(kept, div(x, density), 0);
}

/**
 * The sign that the tensors agree on at each place, 1 or -1: that of their sum, or of most of them. A tie is 1.
 */
export function electSign(votes: readonly Tensor[], method: MajoritySign): Tensor {
  const counted = method === 'total' ? votes : votes.map(sign);
  const total = counted.reduce((sum, vote) => add(sum, vote));
  return where(greaterEqual(total, 0), 1, -1);
}

/**
 * At each place the sum of the weighted tensors that have the elected sign, over how many they are: Yadav et al. 2023
 * (TIES).
 *
 * @param votes what decides whether a tensor has the sign.
 */
export function mergeAgreeing(
  weighted: readonly Tensor[],
  votes: readonly Tensor[],
  elected: Tensor,
): Tensor {
  const masks = votes.map((vote) => cast(equal(sign(vote), elected), vote.dtype));
  const total = masks
    .map((mask, i) => mul(mask, weighted[i] ?? 0))
    .reduce((sum, value) => add(sum, value));
  const count = masks.reduce((sum, mask) => add(sum, mask));
  return div(total, maximum(count, 1));
}
