/** A weight that an adapter can take the place of, as its module declares it. */
export interface Site {
  /** The field of the module that holds the weight. */
  readonly field: string;
  /**
   * How the module uses it: as a matrix, as a table of rows, as a convolution's kernel, as the scale of each
   * normalised feature, or as a matrix for each expert. A bias beside it is the module's field `bias`.
   */
  readonly kind: 'linear' | 'embedding' | 'conv' | 'norm' | 'experts';
  /** Of a matrix: the axis that meets the input; of experts, which of the last two. Of the others: 1. */
  readonly inputAxis: 0 | 1;
  /** Of a convolution: its groups. */
  readonly groups?: number;
}

/** A module with a weight that can be adapted. A getter, so that it is no part of the tree. */
export interface Adaptable {
  readonly site: Site;
}

export function isAdaptable(
  value: unknown,
): value is Adaptable & Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && 'site' in value && isSite(value.site);
}

function isSite(value: unknown): value is Site {
  return typeof value === 'object' && value !== null && 'field' in value && 'inputAxis' in value;
}
