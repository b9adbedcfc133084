import { alias, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { mapAdapted } from '../layers.ts';

/** First values of a LoRA adapter on one weight. */
export interface FirstValues {
  /** [R, in] */
  readonly A: Tensor;
  /** [out, R] */
  readonly B: Tensor;
}

/** The model with other first values in one of its LoRA adapters, by the paths of its modules. */
export function withFirstValues<T>(
  tuned: T,
  name: string,
  values: ReadonlyMap<string, FirstValues>,
): T {
  return mapAdapted(tuned, (layer) => {
    if (!(layer instanceof AdaptedWeight) || layer.name !== name) return layer;
    const { base, parameters, settings, mix, frozen, shared } = layer;
    const found = values.get(settings.path);
    if (found === undefined) return layer;
    const first = { firstA: alias(found.A), firstB: alias(found.B) };
    const kept = frozen.firstA === undefined ? frozen : { ...frozen, ...first };
    return new AdaptedWeight(base, { ...parameters, ...found }, name, settings, mix, kept, shared);
  });
}
