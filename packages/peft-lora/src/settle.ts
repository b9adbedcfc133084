import { AdaptedWeight, argumentsOf } from './adaptedWeight.ts';
import { requireAdapter } from './compose.ts';
import { adapterLayers } from './layers.ts';
import { mapLayersOf } from './mapLayersOf.ts';

/**
 * An adapter with what the shapes in PEFT's files depend on and only the values of its weights tell, for methods that have
 * such, as AdaMSS; else it is as it was. `saveAdapter` does it by itself, `encodeAdapter` does not.
 *
 * @param name of the adapter. Defaults to `default`.
 * @returns a new model.
 * @throws LorikeetError `no-match` if there is no such adapter.
 * @example
 * const { config, tensors } = encodeAdapter(await settle(tuned));
 */
export async function settle<T>(tuned: T, name = 'default'): Promise<T> {
  requireAdapter(tuned, name);
  const configs = new Map<AdaptedWeight, unknown>();
  for (const { layer } of adapterLayers(tuned)) {
    if (!(layer instanceof AdaptedWeight) || layer.name !== name) continue;
    const config = await layer.settings.variant.settle?.(argumentsOf(layer));
    if (config !== undefined) configs.set(layer, config);
  }
  if (configs.size === 0) return tuned;
  return mapLayersOf(tuned, name, (layer) => {
    const config = configs.get(layer);
    return config === undefined ? layer : layer.with({ settings: layer.settings.with(config) });
  });
}
