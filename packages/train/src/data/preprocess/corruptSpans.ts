import { type Dataset, dataset, requireCount, requireParts } from '../dataset.ts';
import type { ShuffleOptions } from '../shuffle.ts';
import { mixSeeds, uniform } from '../uniform.ts';

export interface SpanOptions extends ShuffleOptions {
  /** The tokens that stand for lost spans, in their order: `<extra_id_0>` and so on. */
  readonly sentinels: readonly number[];
  /** Ends what is to be told. */
  readonly end: number;
  /** Share of tokens that are lost. Defaults to 0.15. */
  readonly density?: number;
  /** Tokens of a span, in the mean. Defaults to 3. */
  readonly meanLength?: number;
}

export interface SpanRow {
  /** A sentinel in the place of each lost span. */
  readonly input_ids: readonly number[];
  /** Each sentinel with what it stands for, and the end. */
  readonly labels: readonly number[];
}

/**
 * Rows for a model with an encoder and a decoder: some spans are lost, and are to be told. Which, seed, epoch and the row's number
 * decide. The last token of a row, its end, is kept. Spans do not touch; a row of one token stays whole.
 * Raffel et al., "Exploring the limits of transfer learning" (JMLR 2020).
 */
export function corruptSpans(
  data: Dataset<{ readonly input_ids: readonly number[] }>,
  options: SpanOptions,
): Dataset<SpanRow> {
  const seed = mixSeeds(options.seed, options.epoch);
  return dataset(async function* (from) {
    const [count = null, start = null] = from === null ? [] : requireParts(from, 2);
    let number = requireCount(count, Number.MAX_SAFE_INTEGER);
    for await (const { item, next } of data.entries(start)) {
      const row = corruptRow(item.input_ids, mixSeeds(seed, number), options);
      number += 1;
      yield { item: row, next: [number, next] };
    }
  });
}

function corruptRow(
  ids: readonly number[],
  seed: number,
  { sentinels, end, density = 0.15, meanLength = 3 }: SpanOptions,
): SpanRow {
  const usable = ids.length - 1;
  const lost = Math.min(Math.max(1, Math.round(usable * density)), usable - 1);
  // As many spans as sentinels, and as kept tokens that part them.
  const most = Math.min(sentinels.length, lost, usable - lost);
  const spans = Math.min(Math.max(1, Math.round(lost / meanLength)), most);
  if (lost < 1 || spans < 1) return { input_ids: ids, labels: [end] };
  const lengths = partsOf(lost, spans, seed, 0);
  // The last part of what is kept, behind the last span, may be empty.
  const gaps = partsOf(usable - lost + 1, spans + 1, seed, 1);
  const [input_ids, labels]: [number[], number[]] = [[], []];
  let place = 0;
  for (const [i, length] of lengths.entries()) {
    const sentinel = sentinels[i] ?? end;
    const from = place + (gaps[i] ?? 0);
    input_ids.push(...ids.slice(place, from), sentinel);
    labels.push(sentinel, ...ids.slice(from, from + length));
    place = from + length;
  }
  return { input_ids: [...input_ids, ...ids.slice(place)], labels: [...labels, end] };
}

/** A whole as so many parts of at least 1 each: cuts at random places, all ways as likely. */
function partsOf(whole: number, parts: number, seed: number, stream: number): number[] {
  const places = Array.from({ length: whole - 1 }, (_, i) => i + 1);
  const cuts = places
    .map((place) => ({ place, order: uniform(mixSeeds(seed, stream), place) }))
    .sort((a, b) => a.order - b.order)
    .slice(0, parts - 1)
    .map(({ place }) => place)
    .sort((a, b) => a - b);
  return [...cuts, whole].map((cut, i) => cut - (cuts[i - 1] ?? 0));
}
