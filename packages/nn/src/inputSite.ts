import type { Tensor } from '@lorikeet/tensor-core';
import type { Context } from './context.ts';

/** What a model tells of the place where tokens enter it, for adapters that put virtual tokens there. */
export interface InputSite {
  /** Path of the embedding of its tokens. */
  readonly embedding: string;
  /** Width D of a token's vector. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values. */
  readonly keyValueHeads: number;
  /** Numbers in a head of keys and values. */
  readonly headSize: number;
  /** Whether labels belong to tokens or to rows. */
  readonly labels: 'tokens' | 'rows';
  /**
   * Whether a decoder reads what an encoder makes of the tokens: labels are then of the decoder's tokens, and the layers, and
   * the keys and values of positions before, are the decoder's. Defaults to no.
   */
  readonly hasDecoder?: boolean;
}

/**
 * A model that takes vectors in place of tokens (`inputs_embeds`), and keys and values of positions before them
 * (`past_key_values`). Both are getters or methods, so that they are no part of the tree.
 */
export interface TakesVectors {
  readonly inputSite: InputSite;
  /** @param ids [B, T]; the result is [B, T, D]. */
  embed(ids: Tensor, context: Context): Tensor;
}

export function takesVectors(value: unknown): value is TakesVectors {
  return (
    typeof value === 'object' &&
    value !== null &&
    'inputSite' in value &&
    'embed' in value &&
    typeof value.embed === 'function'
  );
}

/** The site of a model that holds another one, which does the reading, in a field. */
export function siteWithin(
  field: string,
  { inputSite }: TakesVectors,
  labels: InputSite['labels'],
): InputSite {
  return { ...inputSite, embedding: `${field}.${inputSite.embedding}`, labels };
}
