import { at, combine, materialize, partition, type Weight } from '@lorikeet/nn';
import {
  add,
  evaluate,
  LorikeetError,
  mul,
  permute,
  slice,
  sliceAxis,
  svd,
  type Tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { adapt, train } from '../adapt.ts';
import { disable } from '../compose.ts';
import { isTrainable } from '../isTrainable.ts';
import { scalingOf } from '../lora/loraConfig.ts';
import { exchangeOrder } from '../siteShape.ts';
import { type LoraPlace, loraPlaces } from './loraPlaces.ts';
import { type FirstValues, withFirstValues } from './withFirstValues.ts';

export interface LoraGaOptions<T, Batch> {
  readonly batches: Iterable<Batch> | AsyncIterable<Batch>;
  /** The loss of the model for a batch, a scalar. */
  loss(model: T, batch: Batch): Tensor;
  /** Defaults to `default`. */
  readonly name?: string;
  /** Which singular vectors of the gradient A and B get. Defaults to `ArB2r`: the first R, and the next R. */
  readonly direction?: 'ArB2r' | 'A2rBr' | 'ArBr';
  /** `stable`: both times `out^(1/4) / sqrt(gamma)`; `gd_scale`: over the scaling of LoRA; or `unit`. Defaults to `stable`. */
  readonly scale?: 'stable' | 'gd_scale' | 'unit';
  /** Defaults to 16. */
  readonly gamma?: number;
  /** `peft`: the scale `stable` takes the inputs of GPT-2's layers for their outputs, as PEFT does. */
  readonly compat?: 'peft';
}

/**
 * Starts LoRA so that its first step goes where that of full training would: LoRA-GA, Wang et al. 2024,
 * https://arxiv.org/abs/2407.05000. A and B have singular vectors of the gradient by the weight; their product is taken out of the weight
 * as for PiSSA.
 *
 * @param tuned with an adapter of `lora`, `velora` or `monteclora` with `initLoraWeights: 'lora_ga'` on linear layers.
 * @throws LorikeetError `invalid-argument` for another adapter, `unsupported` for a rank above half of a weight's.
 */
export async function initializeLoraGa<T, Batch>(
  tuned: T,
  options: LoraGaOptions<T, Batch>,
): Promise<T> {
  const { name = 'default' } = options;
  const places = loraPlaces(tuned, name, 'lora_ga');
  const gradients = await gradientsOf(disable(tuned, name), places, options);
  const values = places.map((place) => {
    const gradient = gradients.get(place.path);
    if (gradient === undefined)
      throw new LorikeetError('unsupported', 'no batch gave a gradient', { path: place.path });
    return [place.path, factorsOf(gradient, place, options)] as const;
  });
  return withFirstValues(tuned, name, new Map<string, FirstValues>(values));
}

function factorsOf<T, Batch>(
  gradient: Tensor,
  { path, config, shape, layer }: LoraPlace,
  { direction = 'ArB2r', scale = 'stable', gamma = 16, compat }: LoraGaOptions<T, Batch>,
): FirstValues {
  const R = config.rank;
  const most = Math.floor(Math.min(shape.in, shape.out) / 2);
  if (R > most) {
    throw new LorikeetError('unsupported', 'LoRA-GA takes twice the rank of singular vectors', {
      path,
      expected: `a rank of at most ${most}`,
      received: String(R),
    });
  }
  const { u, v } = svd(gradient);
  const turned = permute(v, [1, 0]); // [min, in]
  const pair =
    direction === 'ArBr'
      ? {
          A: slice(turned, [1, 0], [R, shape.in], [2, 1]),
          B: slice(u, [0, 0], [shape.out, R], [1, 2]),
        }
      : {
          A: sliceAxis(turned, 0, direction === 'ArB2r' ? 0 : R, R),
          B: sliceAxis(u, 1, direction === 'ArB2r' ? R : 0, R),
        };
  // PEFT reads the first side of the weight, which in GPT-2's layers is that of the inputs.
  const isTurned = compat === 'peft' && layer.settings.site.inputAxis === 0;
  const by =
    scale === 'stable'
      ? (isTurned ? shape.in : shape.out) ** 0.25 / Math.sqrt(gamma)
      : scale === 'gd_scale'
        ? 1 / scalingOf(config)
        : 1;
  return { A: mul(pair.A, by), B: mul(pair.B, by) };
}

/** The gradient by each weight, [out, in], summed over the batches. */
async function gradientsOf<T, Batch>(
  base: T,
  places: readonly LoraPlace[],
  { batches, loss }: LoraGaOptions<T, Batch>,
): Promise<ReadonlyMap<string, Tensor>> {
  const whole = adapt(base, Object.fromEntries(places.map(({ path }) => [path, train()])), {
    name: 'gradient',
  });
  const [live, frozen] = partition(whole, isTrainable);
  const sums = new Map<string, Tensor>();
  for await (const batch of batches) {
    const { gradient } = valueAndGrad((part: typeof live) => loss(combine(part, frozen), batch))(
      live,
    );
    const slopes = combine(gradient, frozen);
    for (const { path, layer } of places) {
      const { site } = layer.settings;
      const slope = materialize(at(slopes, `${path}.${site.field}`) as Weight);
      const own = exchangeOrder(site, slope);
      const before = sums.get(path);
      sums.set(path, before === undefined ? own : add(before, own));
    }
    await evaluate([...sums.values()]);
  }
  return sums;
}
