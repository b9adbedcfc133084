import { add, exp, full, log, mul, sub, sum, type Tensor } from '@lorikeet/tensor-core';
import { digamma, logGamma } from './logGamma.ts';

/**
 * Kullback-Leibler divergence of a Dirichlet distribution from one whose N concentrations are all `prior`.
 *
 * @param logits logarithms of the concentrations: [N].
 * @param compat PEFT takes the term of each concentration with the wrong sign: no divergence, and below 0 at times.
 */
export function dirichletDivergence(
  logits: Tensor,
  prior: number,
  compat: 'peft' | undefined,
): Tensor {
  const concentrations = exp(logits);
  const total = sum(concentrations);
  const priors = full(logits.shape, prior, logits.dtype);
  const wholes = sub(logGamma(total), logGamma(sum(priors)));
  const each = sum(sub(logGamma(priors), logGamma(concentrations)));
  const slopes = mul(sub(concentrations, prior), sub(digamma(concentrations), digamma(total)));
  return add(add(wholes, compat === 'peft' ? mul(each, -1) : each), sum(slopes));
}

/** The same of a Wishart distribution of R degrees of freedom from that of the identity; [R]: logarithms of deviations. */
export function wishartDivergence(deviations: Tensor): Tensor {
  const variances = exp(mul(deviations, 2));
  return mul(sum(sub(sub(variances, mul(deviations, 2)), 1)), deviations.size / 2);
}

/** The same of a normal distribution without correlations from the standard one; [R]: its variances. */
export function normalDivergence(variances: Tensor): Tensor {
  return mul(sum(sub(sub(variances, log(variances)), 1)), 1 / 2);
}
