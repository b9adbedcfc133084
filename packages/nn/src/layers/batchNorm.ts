import {
  add,
  batchNorm,
  batchStatistics,
  cast,
  mul,
  ones,
  stopGradient,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { materialize, type Weight } from '../weight.ts';

export interface BatchNormOptions {
  /** Added to the variance. Defaults to 1e-5. */
  readonly epsilon?: number;
  /** How much of a batch the running averages take up. Defaults to 0.1. */
  readonly momentum?: number;
}

/**
 * Normalisation of each channel: by its batch in training, by running averages in evaluation. Ioffe and
 * Szegedy 2015.
 *
 * A call changes nothing, so that the averages do not move by themselves: `updated` gives the layer as it is
 * after a batch. They are no parameters, either: keep `running_mean` and `running_var` out of what is trained,
 * by a partition.
 *
 * @example
 * const next = replaceAt(model, 'norm', model.norm.updated(hidden)); // after a step on what the layer was given
 */
export class BatchNorm {
  /** [C] */
  readonly weight: Weight;
  /** [C] */
  readonly bias: Weight;
  /** [C]; named as in PyTorch. */
  readonly running_mean: Tensor;
  /** [C]; an average of variances by n - 1. */
  readonly running_var: Tensor;
  readonly epsilon: number;
  readonly momentum: number;

  constructor(
    { weight, bias }: { readonly weight: Weight; readonly bias: Weight },
    { mean, variance }: { readonly mean: Tensor; readonly variance: Tensor },
    { epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions = {},
  ) {
    this.weight = weight;
    this.bias = bias;
    this.running_mean = mean;
    this.running_var = variance;
    this.epsilon = epsilon;
    this.momentum = momentum;
  }

  static init(channels: number, options: BatchNormOptions = {}): BatchNorm {
    const shape = [channels];
    return new BatchNorm(
      { weight: ones(shape), bias: zeros(shape) },
      { mean: zeros(shape), variance: ones(shape) },
      options,
    );
  }

  /** @param x [B, C, ...] */
  call(x: Tensor, context: Context): Tensor {
    const { mean, variance } = context.isTraining
      ? batchStatistics(x)
      : { mean: this.running_mean, variance: this.running_var };
    const { epsilon } = this;
    const [weight, bias] = [materialize(this.weight), materialize(this.bias)];
    return batchNorm(x, mean, variance, weight, bias, { epsilon });
  }

  /**
   * The layer with its averages moved towards the statistics of a batch, which have no derivative.
   *
   * @param x [B, C, ...], what the layer is called with in training.
   */
  updated(x: Tensor): BatchNorm {
    const { mean, unbiasedVariance } = batchStatistics(stopGradient(x));
    const moved = (average: Tensor, now: Tensor): Tensor =>
      cast(add(mul(average, 1 - this.momentum), mul(now, this.momentum)), average.dtype);
    return new BatchNorm(
      this,
      {
        mean: moved(this.running_mean, mean),
        variance: moved(this.running_var, unbiasedVariance),
      },
      this,
    );
  }
}
