import type { Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight, AdapterSettings, argumentsOf } from '../adaptedWeight.ts';
import { isAdapterLayer } from '../layers.ts';
import type { PlacedConfig } from './loraPlaces.ts';

/**
 * The layer with another rank and the same scaling, and with first values for it, as PEFT makes the layer anew. Those of A and B
 * are yet to be given.
 */
export function withRank(
  layer: AdaptedWeight,
  config: PlacedConfig,
  rank: number,
  key: Tensor,
): AdaptedWeight {
  const { base, name, mix, shared } = layer;
  const { variant, method, path, site, shape } = layer.settings;
  const ratio = rank / config.rank;
  const alpha = config.alpha * (config.useRslora ? Math.sqrt(ratio) : ratio);
  const own = { ...config, rank, alpha, rankPattern: {}, alphaPattern: {} };
  const settings = new AdapterSettings({ ...method, config: own }, path, site, shape);
  if (ratio === 1)
    return new AdaptedWeight(base, layer.parameters, name, settings, mix, layer.frozen, shared);
  const none = (): null => null;
  const given = { ...argumentsOf(layer), config: own, key, bias: none, rootBias: none };
  const parameters = variant.init({ ...given, shared: shared?.value });
  const frozen = variant.frozen?.({
    ...given,
    parameters,
    path,
    // Of methods whose places have nothing in common.
    index: 0,
    places: [],
    isBaseFixed: !isAdapterLayer(base),
    shared: shared?.value,
  });
  return new AdaptedWeight(base, parameters, name, settings, mix, frozen, shared);
}
