import { AdaptedWeight } from './adaptedWeight.ts';
import { type AdapterLayer, isAdapterLayer, mapAdapted } from './layers.ts';

/** Replaces each weight that one adapter has adapted by `change` of it; what lies under and over it stays. */
export function mapLayersOf<T>(
  tuned: T,
  name: string,
  change: (layer: AdaptedWeight) => AdaptedWeight,
): T {
  const visit = (layer: AdapterLayer): AdapterLayer => {
    if (layer instanceof AdaptedWeight && layer.name === name) return change(layer);
    const { base } = layer;
    return isAdapterLayer(base) ? layer.with({ base: visit(base) }) : layer;
  };
  return mapAdapted(tuned, visit);
}
