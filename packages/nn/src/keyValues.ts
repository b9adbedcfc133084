import { concat, type Tensor } from '@lorikeet/tensor-core';

/** The keys and values of one layer at positions before those of a call: of tokens that were read, or learned ones. */
export interface KeyValues {
  /** [B, G, P, K]; turned already, where positions turn keys. */
  readonly key: Tensor;
  /** [B, G, P, V] */
  readonly value: Tensor;
}

/** Those of a call behind those before it: [B, G, P + T, ...]. */
export function afterPast(past: KeyValues | undefined, { key, value }: KeyValues): KeyValues {
  if (past === undefined) return { key, value };
  return { key: concat([past.key, key], 2), value: concat([past.value, value], 2) };
}
