import { LorikeetError } from '../../errors.ts';
import { axesButChannels } from '../../perChannel.ts';
import { requireElements } from '../../reduction.ts';
import { formatShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { reshape } from '../movement/reshape.ts';
import { mean as meanOver } from '../reduce/mean.ts';

export interface BatchStatistics {
  /** [C] */
  readonly mean: Tensor;
  /** [C], the mean square difference from the mean: what `batchNorm` divides by the root of. */
  readonly variance: Tensor;
  /** [C], the variance times n / (n - 1): what running averages take up. Equals `variance` where n is 1. */
  readonly unbiasedVariance: Tensor;
}

/**
 * The mean and the variance of each channel, over the batch and all that lies behind the channels.
 *
 * @param x [B, C, ...]
 * @throws LorikeetError `shape-mismatch` if a channel has no element.
 */
export function batchStatistics(x: Tensor): BatchStatistics {
  if (x.rank < 2) {
    throw new LorikeetError(
      'shape-mismatch',
      `batchStatistics: ${formatShape(x.shape)} has no channels`,
      { expected: '[B, C, ...]', received: formatShape(x.shape) },
    );
  }
  const axes = axesButChannels(x);
  requireElements('batchStatistics', x.shape, axes);
  const mean = meanOver(x, axes, { keepAxes: true });
  const centred = sub(x, mean);
  const variance = meanOver(mul(centred, centred), axes);
  const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
  return {
    mean: reshape(mean, variance.shape),
    variance,
    unbiasedVariance: mul(variance, count > 1 ? count / (count - 1) : 1),
  };
}
