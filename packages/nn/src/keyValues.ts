import { concat, dynamicUpdateSlice, stack, type Tensor, zeros } from '@lorikeet/tensor-core';

/** The keys and values of one layer at positions before those of a call: of tokens that were read, or learned ones. */
export interface KeyValues {
  /** [B, G, P, K]; turned already, where positions turn keys. */
  readonly key: Tensor;
  /** [B, G, P, V] */
  readonly value: Tensor;
}

/** What an attention knows of positions before those of its call. */
export interface Past extends Partial<KeyValues> {
  /**
   * i32 scalar, if the keys and values are buffers of a cache, [B, G, C, ...]: those of the call's tokens go to this place
   * on, and what lies behind them is not there yet.
   */
  readonly place?: Tensor | undefined;
  /** Is told all keys and values of the call: those before, and its own. */
  readonly keep?: ((all: KeyValues) => void) | undefined;
}

/** Those of a call behind those before it, [B, G, P + T, ...]; or in their places in the buffers of a cache, [B, G, C, ...]. */
export function afterPast(past: Past | undefined, own: KeyValues): KeyValues {
  const all = joined(past, own);
  past?.keep?.(all);
  return all;
}

function joined({ key, value, place }: Past = {}, own: KeyValues): KeyValues {
  if (key === undefined || value === undefined) return own;
  if (place === undefined)
    return { key: concat([key, own.key], 2), value: concat([value, own.value], 2) };
  const none = zeros([], 'i32');
  const starts = stack([none, none, place, none], 0);
  return {
    key: dynamicUpdateSlice(key, own.key, starts),
    value: dynamicUpdateSlice(value, own.value, starts),
  };
}
