import {
  add,
  dot,
  exp,
  foldIn,
  log,
  maximum,
  mean,
  mul,
  normal,
  reciprocal,
  reshape,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

/** What is drawn from the trained distributions. */
export interface Draw {
  /** [R]: variances of the columns of A's changes. */
  readonly variances: Tensor;
  /** [N]: weights of the samples, with a sum of 1. */
  readonly weights: Tensor;
}

const [smallestVariance, smallestShare] = [1e-3, 1e-6];

/**
 * Variances of a Wishart distribution, and weights near a Dirichlet one: a normal one in the logarithms.
 *
 * @param parameters with `stdPrior` [R] and `expertWeightsPrior` [N], which are logarithms.
 */
export function drawFrom(parameters: Tensors, key: Tensor): Draw {
  const deviations = parameterOf(parameters, 'stdPrior'); // [R]
  const [rank = 0] = deviations.shape;
  // Of a Wishart matrix of R degrees of freedom the diagonal alone counts: sums of R squares.
  const wishart = sum(square(normal(foldIn(key, 'wishart'), [rank, rank])), 1);
  const variances = maximum(mul(exp(mul(deviations, 2)), wishart), smallestVariance);

  const logits = parameterOf(parameters, 'expertWeightsPrior'); // [N]
  const [samples = 0] = logits.shape;
  const shares = maximum(exp(logits), smallestShare);
  const inverse = reciprocal(shares);
  const centre = sub(log(shares), mean(log(shares)));
  const spread = add(mul(inverse, 1 - 2 / samples), mul(sum(inverse), 1 / samples ** 2));
  const deviation = sqrt(add(maximum(spread, smallestShare), smallestShare));
  const noise = normal(foldIn(key, 'dirichlet'), [samples]);
  return { variances, weights: softmax(add(centre, mul(deviation, noise))) };
}

/** The weighted sum of N normal samples of A's change: [R, in], before it is scaled. */
export function changeFrom({ variances, weights }: Draw, inputs: number, key: Tensor): Tensor {
  const [[rank = 0], [samples = 0]] = [variances.shape, weights.shape];
  const noise = normal(foldIn(key, 'samples'), [samples, rank, inputs]);
  const mixed = dot(weights, noise, { contract: [[0], [0]] }); // [R, in]
  return mul(mixed, reshape(sqrt(variances), [rank, 1]));
}
