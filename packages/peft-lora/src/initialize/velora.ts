import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { mapAdapted } from '../layers.ts';
import { parseConfig } from '../variant.ts';
import { type VeloraConfig, veloraVariant } from '../variants/velora.ts';
import { directionOf } from '../velora/projection.ts';
import { inputsOf } from './eva.ts';
import { layerInputs } from './layerInputs.ts';

export interface InitializeVeloraOptions<T, Batch> {
  /** One batch gives what PEFT finds in its first step of training. */
  readonly batches: Iterable<Batch> | AsyncIterable<Batch>;
  /** Calls the model with a batch; its layers are watched. */
  call(model: T, batch: Batch): unknown;
  /** Defaults to `default`. */
  readonly name?: string;
}

/**
 * Makes the directions of `velora` with `batch_average_once` from data, before training: of each layer, that of the average
 * of all groups of its inputs, in all batches. The adapter is disabled for it.
 *
 * @throws LorikeetError `invalid-argument` for another adapter, `no-match` for none, `unsupported` for layers that are not called.
 */
export async function initializeVelora<T, Batch>(
  tuned: T,
  { batches, call, name = 'default' }: InitializeVeloraOptions<T, Batch>,
): Promise<T> {
  requireAdapter(tuned, name);
  const configs = new Map<AdaptedWeight, VeloraConfig>();
  mapAdapted(tuned, (layer) => {
    if (layer instanceof AdaptedWeight && layer.name === name) configs.set(layer, configOf(layer));
    return layer;
  });
  const inputs = await layerInputs(tuned, name, batches, call);
  return mapAdapted(tuned, (layer) => {
    const config = layer instanceof AdaptedWeight ? configs.get(layer) : undefined;
    if (!(layer instanceof AdaptedWeight) || config === undefined) return layer;
    const { sum } = inputsOf(inputs, layer.settings.path);
    const direction: Tensor = directionOf(sum, config.veloraConfig.numGroups);
    return layer.with({ frozen: { ...layer.frozen, direction } });
  });
}

function configOf({ settings: { variant, config, path } }: AdaptedWeight): VeloraConfig {
  if (variant.name === veloraVariant.name) {
    const own = parseConfig<VeloraConfig>(veloraVariant, config);
    if (own.veloraConfig.initType === 'batch_average_once') return own;
  }
  throw new LorikeetError('invalid-argument', 'the adapter takes no direction from data', {
    path,
    expected: "velora({ veloraConfig: { initType: 'batch_average_once' } })",
    received: `${variant.name} ${JSON.stringify(config)}`,
  });
}
