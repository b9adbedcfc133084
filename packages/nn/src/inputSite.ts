import type { Tensor } from '@lorikeet/tensor-core';
import type { Context } from './context.ts';
import type { KeyValues } from './keyValues.ts';

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
  /**
   * Path of the list of its blocks, which are called one after the other, each with the states of the tokens, [B, T, D], first,
   * and give these. The module that holds the list may be a `Mirrored`.
   */
  readonly blocks?: string;
}

/** How large a mirrored model is; `null` is as large as the model itself. */
export interface MirrorSizes {
  readonly layers: number;
  readonly width: number | null;
  /** Of the layer within a block that is wider than it. */
  readonly inner: number | null;
  readonly heads: number | null;
}

/** A model without a head that can make another one of its own kind. */
export interface Mirrored extends TakesVectors {
  /** A new model of other sizes, with first values of its own. */
  mirror(sizes: MirrorSizes, key: Tensor): Mirrored;
  /** The states behind its last block, `last_hidden_state` [B, T, D], and `past_key_values` if they are asked for. */
  call(
    inputs: Readonly<Record<string, unknown>>,
    context: Context,
  ): { readonly last_hidden_state: Tensor; readonly past_key_values?: readonly KeyValues[] };
}

export function isMirrored(value: unknown): value is Mirrored {
  return takesVectors(value) && 'mirror' in value && typeof value.mirror === 'function';
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
  const { embedding, blocks } = inputSite;
  const within = blocks === undefined ? {} : { blocks: `${field}.${blocks}` };
  return { ...inputSite, ...within, embedding: `${field}.${embedding}`, labels };
}
