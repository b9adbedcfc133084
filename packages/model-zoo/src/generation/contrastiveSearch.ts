import type { TypedArray } from '@lorikeet/tensor-core';
import type { Model } from '../model.ts';
import { processed } from './choose.ts';
import type { PromptRows } from './prompt.ts';
import type { Settings } from './settings.ts';
import { softmax, topPlaces } from './softmax.ts';
import { TextReader } from './textReader.ts';

/**
 * Contrastive search: of the most likely tokens the one that is likely and whose state is unlike all before it,
 * `(1 - alpha) p - alpha max cos`. Su et al. 2022, https://arxiv.org/abs/2202.06417
 */
export async function* contrastiveSearch(
  model: Model,
  prompt: PromptRows,
  settings: Settings,
  { alpha, count }: { readonly alpha: number; readonly count: number },
): AsyncGenerator<readonly number[]> {
  const { processors, maxNew } = settings;
  const { reader, reading } = await TextReader.open(model, prompt, {
    wanted: 'states',
    maxNew: maxNew + 1,
  });
  const { decoderStart: start } = model;
  const isKept = (row: number, place: number): boolean =>
    start !== undefined || prompt.masks[row]?.[place] !== 0;
  /** States of what each row has read, of length 1. */
  const before = reading.states.map((states, row) =>
    states.filter((_, place) => isKept(row, place)).map(unit),
  );
  let logits: readonly TypedArray[] = reading.logits;
  /** Where in the reader each row stands. */
  let places = before.map((_, row) => row);
  let isFirst = true;
  for (let fresh = 0; fresh < maxNew; fresh++) {
    const candidates = logits.map((row, i) => {
      const tokens = reader.rows[places[i] ?? 0] ?? [];
      const chances = softmax(processed(row, { tokens, fresh }, processors));
      return topPlaces(chances, count).map((token) => ({ token, chance: chances[token] ?? 0 }));
    });
    if (isFirst) reader.expand(count);
    const order = isFirst
      ? undefined
      : places.flatMap((place) => new Array<number>(count).fill(place));
    isFirst = false;
    const tried = candidates.flat().map(({ token }) => token);
    const { logits: scores, states } = await reader.step(tried, order);
    const chosen = candidates.map((row, i) => {
      const own = row.map(({ token, chance }, j) => {
        const place = i * count + j;
        const state = unit(states[place]?.[0] ?? []);
        const likeness = Math.max(...(before[i] ?? []).map((other) => product(other, state)));
        return { token, place, state, score: (1 - alpha) * chance - alpha * likeness };
      });
      return own.reduce((best, other) => (other.score > best.score ? other : best));
    });
    for (const [i, { state }] of chosen.entries()) before[i]?.push(state);
    places = chosen.map(({ place }) => place);
    logits = places.map((place) => scores[place] ?? new Float32Array(0));
    yield chosen.map(({ token }) => token);
  }
}

function unit(state: ArrayLike<number>): Float64Array {
  const length = Math.sqrt(product(state, state));
  return Float64Array.from(state, (value) => value / length);
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
