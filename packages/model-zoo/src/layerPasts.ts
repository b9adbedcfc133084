import type { KeyValues, Past } from '@lorikeet/nn';
import type { ModelInputs, ModelOutputs } from './model.ts';

/** What the layers of a model know of positions before a call, and what they tell of it for the next one. */
export interface LayerPasts {
  /** What the attention of a layer is given. */
  at(layer: number): Past | undefined;
  /** Keys and values of all layers that were told, as outputs; none where the call asks for none. */
  outputs(): Pick<ModelOutputs, 'past_key_values'>;
}

/** Of the layers that tokens pass: those of the decoder, where there is one. */
export function layerPasts(inputs: ModelInputs): LayerPasts {
  const { past_key_values: past, cache_position: place, use_cache: isKept = false } = inputs;
  const told = new Map<number, KeyValues>();
  return {
    at: (layer) =>
      isKept
        ? { ...past?.[layer], place, keep: (all) => told.set(layer, all) }
        : past && { ...past[layer], place },
    outputs: () => (isKept ? { past_key_values: inOrder(told) } : {}),
  };
}

/** What the layers of a decoder read of an encoder: keys and values of each, made by the first call that asks for them. */
export interface CrossPasts {
  /** Those of a layer, where they are given. */
  known(layer: number): KeyValues | undefined;
  /** What the cross attention of a layer is given. */
  at(layer: number): Past | undefined;
  outputs(): Pick<ModelOutputs, 'cross_key_values'>;
}

export function crossPasts({
  cross_key_values: known,
  use_cache: isKept = false,
}: ModelInputs): CrossPasts {
  const told = new Map<number, KeyValues>();
  return {
    known: (layer) => known?.[layer],
    at: (layer) => (isKept ? { keep: (all) => told.set(layer, all) } : undefined),
    outputs: () => (isKept ? { cross_key_values: inOrder(told) } : {}),
  };
}

function inOrder(told: ReadonlyMap<number, KeyValues>): readonly KeyValues[] {
  return [...told].toSorted(([a], [b]) => a - b).map(([, all]) => all);
}
