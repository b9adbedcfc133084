import type { Place } from '@lorikeet/nn';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { type AdapterLayer, isAdapterLayer } from '../layers.ts';

/** What a trainable tensor is to its adapter, for optimisers that tell factors apart. */
export interface FactorRole {
  /** What the tensor is a part of; nothing for a tensor outside of adapters. */
  readonly layer: AdapterLayer | undefined;
  /** Which of the thin factors of an update it is, if any. */
  readonly factor: 'left' | 'right' | null;
  /** Whether it is of an update of a table of rows. */
  readonly isOfEmbedding: boolean;
}

export function factorRole({ path, ancestors }: Place): FactorRole {
  const layer = ancestors.findLast(isAdapterLayer);
  if (!(layer instanceof AdaptedWeight)) return { layer, factor: null, isOfEmbedding: false };
  const { variant, config, site } = layer.settings;
  const names = variant.factors?.(config);
  const name = path.slice(path.lastIndexOf('.') + 1);
  const factor = name === names?.left ? 'left' : name === names?.right ? 'right' : null;
  return { layer, factor, isOfEmbedding: site.kind === 'embedding' };
}
