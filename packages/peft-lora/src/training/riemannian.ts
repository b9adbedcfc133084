import { chain, type Optimizer } from '@lorikeet/nn';
import { preconditionFactors } from './preconditionFactors.ts';

export interface RiemannianOptions {
  /** Added to the diagonals before they are inverted. Defaults to 1e-2. */
  readonly damping?: number;
}

/**
 * An optimiser whose gradients of the factors of low-rank updates are first preconditioned by the inner products of the
 * other factor, `gB (A Aᵀ + damping)⁻¹` and `(Bᵀ B + damping)⁻¹ gA`, so that a step hardly depends on how an update is
 * shared out between its factors. Zhang and Pilanci 2024, https://arxiv.org/abs/2402.02347
 *
 * @example
 * const optimizer = riemannian(sgd({ learningRate: 0.1 }));
 */
export function riemannian(
  inner: Optimizer,
  { damping = 1e-2 }: RiemannianOptions = {},
): Optimizer<readonly unknown[]> {
  return chain(preconditionFactors({ factors: 'both', damping }), inner);
}
