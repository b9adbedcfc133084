import { materialize } from '@lorikeet/nn';
import {
  add,
  div,
  eye,
  inv,
  LorikeetError,
  max,
  mean,
  mul,
  permute,
  reshape,
  sliceAxis,
  sqrt,
  sub,
  svd,
  type Tensor,
} from '@lorikeet/tensor-core';
import { scalingOf } from '../lora/loraConfig.ts';
import { exchangeOrder } from '../siteShape.ts';
import { type EvaOptions, inputsOf } from './eva.ts';
import { layerInputs } from './layerInputs.ts';
import { loraPlaces } from './loraPlaces.ts';
import { type FirstValues, withFirstValues } from './withFirstValues.ts';

export interface CordaOptions<T, Batch>
  extends Pick<EvaOptions<T, Batch>, 'batches' | 'call' | 'name'> {
  /**
   * `ipm` trains what the batches use most of the weight, to learn a task like theirs; `kpm` what they use least, to
   * keep what they need. Defaults to `ipm`.
   */
  readonly mode?: 'ipm' | 'kpm';
}

/**
 * Starts LoRA with the part of each weight that matters most, or least, for the inputs of some batches: CorDA, Yang et al. 2024,
 * https://arxiv.org/abs/2406.05223. Of `W C`, with C the covariance of the inputs, the singular values are taken; the product is
 * taken out of the weight as for PiSSA.
 *
 * @param tuned with an adapter of `lora`, `velora` or `monteclora` with `initLoraWeights: 'corda'` on linear layers.
 * @throws LorikeetError as `initializeEva` does.
 */
export async function initializeCorda<T, Batch>(
  tuned: T,
  { batches, call, name = 'default', mode = 'ipm' }: CordaOptions<T, Batch>,
): Promise<T> {
  const places = loraPlaces(tuned, name, 'corda');
  const inputs = await layerInputs(tuned, name, batches, call);
  const values = new Map<string, FirstValues>();
  for (const { path, config, layer, shape } of places) {
    const { gram, count } = inputsOf(inputs, path);
    const { damped, inverse } = await inverseOf(div(gram, count), path);
    const weight = exchangeOrder(layer.settings.site, materialize(layer.base));
    const { u, s, v } = svd(weight.matmul(damped));
    const right = permute(v, [1, 0]).matmul(inverse); // [min, in]
    const R = config.rank;
    const start = mode === 'ipm' ? 0 : Math.min(shape.in, shape.out) - R;
    const roots = sqrt(div(sliceAxis(s, 0, start, R), scalingOf(config)));
    values.set(path, {
      A: mul(sliceAxis(right, 0, start, R), reshape(roots, [R, 1])),
      B: mul(sliceAxis(u, 1, start, R), roots),
    });
  }
  return withFirstValues(tuned, name, values);
}

const mostDoublings = 20;

/** A covariance with as much added to its diagonal as it takes to have an inverse, and that. */
async function inverseOf(
  covariance: Tensor,
  path: string,
): Promise<{ readonly damped: Tensor; readonly inverse: Tensor }> {
  const side = covariance.shape[0] ?? 0;
  const unit = eye(side, undefined, { dtype: covariance.dtype });
  const level = div(mean(mul(covariance, unit)), 1 / side);
  for (let i = 0; i < mostDoublings; i++) {
    const damped = add(covariance, mul(unit, mul(level, 0.01 * 2 ** i)));
    const inverse = inv(damped);
    const error = sub(damped.matmul(inverse), unit);
    const largest = await max(mul(error, error)).item();
    if (Number.isFinite(largest) && largest * side < 0.05 ** 2) return { damped, inverse };
  }
  throw new LorikeetError('unsupported', 'the inputs have a covariance without an inverse', {
    path,
    hint: 'give batches whose inputs are not zero',
  });
}
