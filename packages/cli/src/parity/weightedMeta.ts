import type { CombinationKind } from '@lorikeet/peft-lora';

/** One combination of the adapters of a case, as `meta.json` has it. */
export interface WeightedMeta {
  readonly id: string;
  readonly combination_type: CombinationKind;
  readonly weights: readonly number[];
  readonly svd_rank?: number;
  readonly density?: number;
  readonly majority_sign_method?: 'total' | 'frequency';
  readonly resulting_r: number;
}
