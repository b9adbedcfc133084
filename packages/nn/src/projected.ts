import { isMirrored, type Mirrored } from './inputSite.ts';
import { Linear } from './layers/linear.ts';

/** A model without a head, and what brings its states to the width of another one. Both may be getters. */
export interface Projected {
  readonly backbone: Mirrored;
  /** `null` where the widths are the same. */
  readonly projection: Linear | null;
}

export function isProjected(value: unknown): value is Projected {
  return (
    typeof value === 'object' &&
    value !== null &&
    'backbone' in value &&
    isMirrored(value.backbone) &&
    'projection' in value &&
    (value.projection === null || value.projection instanceof Linear)
  );
}
