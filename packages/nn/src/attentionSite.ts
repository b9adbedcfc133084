import type { Tensor } from '@lorikeet/tensor-core';
import type { Context } from './context.ts';
import type { KeyValues } from './keyValues.ts';

/** What an attention tells of itself, for adapters that give it more to look at. */
export interface AttentionSite {
  /** Width D of its input. */
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
}

/** An attention whose parts can be called one by one. */
export interface OpenAttention {
  readonly attentionSite: AttentionSite;
  /** The queries of a call as they meet keys, [B, H, T, K]. Takes what the attention itself takes. */
  queries(...inputs: never): Tensor;
  /** @param x [B, P, D], of no position. */
  keyValues(x: Tensor, context: Context): KeyValues;
  /** @param attended [B, T, H * V]; the result is [B, T, D]. */
  project(attended: Tensor, context: Context): Tensor;
}

export function isOpenAttention(value: unknown): value is OpenAttention {
  return (
    typeof value === 'object' && value !== null && 'attentionSite' in value && 'queries' in value
  );
}
