/** Singular values after one step, as a case's meta.json has them. */
export interface AllocationMeta {
  readonly step: number;
  /** How many are left of all. */
  readonly budget: number;
  /** By the path of the module. */
  readonly nonzero_singular_values: Readonly<Record<string, number>>;
  readonly E: Readonly<Record<string, readonly number[]>>;
}
