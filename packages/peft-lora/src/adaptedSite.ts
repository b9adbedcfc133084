import type { Adaptable, Weight } from '@lorikeet/nn';
import type { AdapterSettings } from './adaptedWeight.ts';

/** A module to adapt, and how. */
export interface AdaptedSite {
  readonly module: Adaptable & Readonly<Record<string, unknown>>;
  readonly weight: Weight;
  readonly settings: AdapterSettings;
}
