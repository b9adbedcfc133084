import {
  type AdamMoments,
  addWeightDecay,
  chain,
  type LearningRate,
  type Optimizer,
  parameterGroups,
  scaleByAdam,
  scaleByLearningRate,
  setToZero,
} from '@lorikeet/nn';
import { factorRole } from './factorRole.ts';
import { preconditionFactors } from './preconditionFactors.ts';

export interface LoraFaOptions extends AdamMoments {
  readonly learningRate: LearningRate;
  /** Decoupled. Defaults to 0. */
  readonly weightDecay?: number;
  /** Added to the diagonal of `A Aᵀ`. Defaults to 1e-8. */
  readonly damping?: number;
}

/**
 * LoRA-FA: the inner factors A stay as they are, and B follows the gradient that comes nearest to the one of the whole
 * weight, `gB (A Aᵀ)⁻¹ / scale²`, by AdamW. What else trains does so by AdamW, adapters of embeddings with both factors.
 * The gradients of A are never computed. Zhang et al. 2023, https://arxiv.org/abs/2308.03303
 */
export function loraFa({
  learningRate,
  weightDecay = 0,
  damping = 1e-8,
  ...moments
}: LoraFaOptions): Optimizer<readonly unknown[]> {
  const adam = chain(
    scaleByAdam({ epsilon: 1e-6, uncorrectedEpsilon: true, ...moments }),
    addWeightDecay(weightDecay),
    scaleByLearningRate(learningRate),
  );
  return chain(
    preconditionFactors({ factors: 'left', damping, unscaled: true }),
    parameterGroups([
      {
        select: (_leaf, place) => {
          const { factor, isOfEmbedding } = factorRole(place);
          return factor === 'right' && !isOfEmbedding;
        },
        optimizer: setToZero(),
      },
      { select: () => true, optimizer: adam },
    ]),
  );
}
