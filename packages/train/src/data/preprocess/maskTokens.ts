import { type Dataset, dataset, requireCount, requireParts } from '../dataset.ts';
import type { ShuffleOptions } from '../shuffle.ts';
import { mixSeeds, uniform } from '../uniform.ts';

export interface MaskOptions extends ShuffleOptions {
  readonly maskId: number;
  readonly vocabularySize: number;
  /** Tokens that are never masked, and never put in another's place: [CLS], [SEP], [PAD]. */
  readonly special: readonly number[];
  /** Share of tokens to be told. Defaults to 0.15. */
  readonly probability?: number;
}

export interface MaskedRow {
  readonly input_ids: readonly number[];
  /** What stood there, where a token is to be told; -100 elsewhere. */
  readonly labels: readonly number[];
}

/**
 * Rows for a masked language model: of the tokens to be told, 80% become the mask, 10% another token, 10% stay. Which, seed, epoch and
 * the row's number decide, so that every epoch masks anew. A row has at least one token to be told, if it has any that is not special.
 * Devlin et al., "BERT" (NAACL 2019).
 */
export function maskTokens(
  data: Dataset<{ readonly input_ids: readonly number[] }>,
  options: MaskOptions,
): Dataset<MaskedRow> {
  const seed = mixSeeds(options.seed, options.epoch);
  return dataset(async function* (from) {
    const [count = null, start = null] = from === null ? [] : requireParts(from, 2);
    let number = requireCount(count, Number.MAX_SAFE_INTEGER);
    for await (const { item, next } of data.entries(start)) {
      const masked = maskRow(item.input_ids, mixSeeds(seed, number), options);
      number += 1;
      yield { item: masked, next: [number, next] };
    }
  });
}

function maskRow(
  ids: readonly number[],
  seed: number,
  { maskId, vocabularySize, special, probability = 0.15 }: MaskOptions,
): MaskedRow {
  const usable = ids.flatMap((id, place) => (special.includes(id) ? [] : [place]));
  const chosen = new Set(usable.filter((place) => uniform(seed, 3 * place) < probability));
  const surest = usable[Math.floor(uniform(seed, -1) * usable.length)];
  if (chosen.size === 0 && surest !== undefined) chosen.add(surest);
  const ordinary = (place: number): number => {
    for (let tries = 0; ; tries++) {
      const id = Math.floor(uniform(mixSeeds(seed, tries), 3 * place + 2) * vocabularySize);
      if (!special.includes(id) || tries > 100) return id;
    }
  };
  return {
    input_ids: ids.map((id, place) => {
      if (!chosen.has(place)) return id;
      const kind = uniform(seed, 3 * place + 1);
      return kind < 0.8 ? maskId : kind < 0.9 ? ordinary(place) : id;
    }),
    labels: ids.map((id, place) => (chosen.has(place) ? id : -100)),
  };
}
