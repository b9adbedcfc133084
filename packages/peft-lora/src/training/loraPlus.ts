import { adamw, type LearningRate, type Optimizer, parameterGroups } from '@lorikeet/nn';
import { mul, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { type FactorRole, factorRole } from './factorRole.ts';

export interface GroupOptions {
  readonly learningRate: LearningRate;
  readonly weightDecay: number;
}

export interface LoraPlusOptions {
  /** Of the inner factors A, and of all else that has two axes or more. */
  readonly learningRate: LearningRate;
  /** The rate of the outer factors B, and of vectors, is that of A times this. The paper found 16 to do well. */
  readonly ratio: number;
  /** Rate of what adapts embeddings. Defaults to 1e-6. */
  readonly embeddingLearningRate?: LearningRate;
  /** Biases and normalisations are spared. Defaults to 0. */
  readonly weightDecay?: number;
  /** Makes the optimiser of one group. Defaults to `adamw`. */
  readonly optimizer?: (options: GroupOptions) => Optimizer;
}

/**
 * LoRA+: higher rates for the outer factors of low-rank updates, which start at 0, than for the inner ones.
 * Hayou, Ghosh and Yu 2024, https://arxiv.org/abs/2402.12354
 *
 * @example
 * const optimizer = loraPlus({ learningRate: 2e-4, ratio: 16 });
 */
export function loraPlus({
  learningRate,
  ratio,
  embeddingLearningRate = 1e-6,
  weightDecay = 0,
  optimizer = adamw,
}: LoraPlusOptions): Optimizer<readonly unknown[]> {
  const outer = times(learningRate, ratio);
  return parameterGroups([
    {
      select: (_leaf, place) => factorRole(place).isOfEmbedding,
      optimizer: optimizer({ learningRate: embeddingLearningRate, weightDecay }),
    },
    {
      select: (leaf, place) => isSpared(leaf, factorRole(place)),
      optimizer: optimizer({ learningRate: outer, weightDecay: 0 }),
    },
    {
      select: (leaf, place) => leaf.rank === 1 || factorRole(place).factor === 'left',
      optimizer: optimizer({ learningRate: outer, weightDecay }),
    },
    { select: () => true, optimizer: optimizer({ learningRate, weightDecay }) },
  ]);
}

/** Vectors that are no part of a matrix's update: biases, and scales of normalisations. */
function isSpared(leaf: Tensor, { layer }: FactorRole): boolean {
  const isOfMatrix = layer instanceof AdaptedWeight && layer.settings.site.kind !== 'norm';
  return leaf.rank === 1 && !isOfMatrix;
}

function times(rate: LearningRate, ratio: number): LearningRate {
  return typeof rate === 'number' ? rate * ratio : (step) => mul(rate(step), ratio);
}
