import type { MaskedRow } from './maskTokens.ts';

/** A row whose labels are of some places alone. */
export interface KeptRow {
  readonly input_ids: readonly number[];
  /** The places that have labels. */
  readonly logits_to_keep: readonly number[];
  readonly labels: readonly number[];
}

/**
 * The same row for a model that gives logits of some places alone: with one token in seven to be told, an output layer has a
 * seventh of the work. The loss is the same.
 */
export function maskedOnly({ input_ids, labels }: MaskedRow): KeptRow {
  const places = labels.flatMap((label, place) => (label === -100 ? [] : [place]));
  return {
    input_ids,
    logits_to_keep: places,
    labels: places.map((place) => labels[place] ?? -100),
  };
}
