import { foldIn, LorikeetError, randomKey, type Tensor } from '@lorikeet/tensor-core';
import type { Model } from '../model.ts';
import { type GenerationConfig, readGenerationConfig } from './config.ts';
import {
  badWords,
  forced,
  minLength,
  minNewTokens,
  noRepeatNgram,
  repetitionPenalty,
  suppressed,
} from './penalties.ts';
import type { Processor } from './processor.ts';
import { minP, temperature, topK, topP, typicalP } from './warpers.ts';

/** How to go on with a prompt: the fields of a `generation_config.json`, and what no file holds. */
export interface GenerateOptions extends GenerationConfig {
  /** What random numbers come from: a key, or a number for one. Sampling needs it. */
  readonly key?: Tensor | number;
  /** The text of some tokens, for `stop_strings`. */
  readonly decode?: (tokens: readonly number[]) => string;
}

/** Options with their defaults, and what follows from them. */
export interface Settings {
  readonly maxNew: number;
  readonly beams: number;
  readonly returned: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | 'never';
  /** Of contrastive search: the weight of the penalty, and how many tokens are compared. */
  readonly contrast: { readonly alpha: number; readonly count: number } | undefined;
  readonly key: Tensor | undefined;
  readonly ends: readonly number[];
  readonly padding: number;
  readonly processors: readonly Processor[];
  /** Those of sampling alone. */
  readonly warpers: readonly Processor[];
  /** Whether a row ends with these new tokens. */
  readonly isEnd: (fresh: readonly number[]) => boolean;
}

/**
 * @param told tokens that each row has before the first new one.
 * @throws LorikeetError `invalid-argument` for options that do not go together, `unsupported` for some that are not built.
 */
export function settingsOf(model: Model, options: GenerateOptions, told: number): Settings {
  const { key, decode, ...given } = options;
  const { config } = readGenerationConfig(given);
  const ends = listOf(
    config.eos_token_id === undefined ? idsIn(model.config.eos_token_id) : config.eos_token_id,
  );
  const maxNew = config.max_new_tokens ?? (config.max_length ?? told + 20) - told;
  if (maxNew < 1) {
    throw new LorikeetError('invalid-argument', 'generate: there is no room for a new token', {
      expected: `max_length above ${told}`,
      received: String(config.max_length),
      hint: 'give max_new_tokens',
    });
  }
  const samples = config.do_sample === true;
  const beams = config.num_beams ?? 1;
  const returned = config.num_return_sequences ?? 1;
  const contrast = contrastOf(config, beams, samples);
  if (samples && key === undefined)
    throw new LorikeetError('invalid-argument', 'generate: sampling needs a key', {
      expected: 'key: randomKey(seed), or a number',
      hint: 'the same key gives the same text',
    });
  if (samples && beams > 1)
    throw new LorikeetError('unsupported', 'generate: sampling within a beam search', {
      expected: 'do_sample, or num_beams above 1',
    });
  if (returned > (beams > 1 ? beams : samples ? returned : 1))
    throw new LorikeetError('invalid-argument', 'generate: there are not so many sequences', {
      path: 'num_return_sequences',
      expected: beams > 1 ? `at most ${beams}, the beams` : '1 without sampling or beams',
      received: String(returned),
    });
  return {
    maxNew,
    beams,
    returned,
    lengthPenalty: config.length_penalty ?? 1,
    earlyStopping: config.early_stopping ?? false,
    contrast,
    key: samples ? keyOf(key) : undefined,
    ends,
    padding: config.pad_token_id ?? idsIn(model.config.pad_token_id)?.[0] ?? ends[0] ?? 0,
    processors: processorsOf(config, ends, told + maxNew),
    warpers: samples ? warpersOf(config) : [],
    isEnd: endOf(config, ends, decode),
  };
}

function keyOf(key: Tensor | number | undefined): Tensor {
  return typeof key === 'number' || key === undefined
    ? randomKey(key ?? 0)
    : foldIn(key, 'generate');
}

function contrastOf(
  config: GenerationConfig,
  beams: number,
  samples: boolean,
): Settings['contrast'] {
  const { penalty_alpha: alpha, top_k: count } = config;
  if (!alpha || beams > 1 || samples || (count ?? 0) < 2) return undefined;
  return { alpha, count: count ?? 0 };
}

function processorsOf(
  config: GenerationConfig,
  ends: readonly number[],
  most: number,
): Processor[] {
  const { repetition_penalty: repetition, no_repeat_ngram_size: run } = config;
  const { forced_bos_token_id: first, forced_eos_token_id: last } = config;
  return [
    ...(repetition && repetition !== 1 ? [repetitionPenalty(repetition)] : []),
    ...(run ? [noRepeatNgram(run)] : []),
    ...(config.bad_words_ids ? [badWords(config.bad_words_ids)] : []),
    ...(config.min_length ? [minLength(config.min_length, ends)] : []),
    ...(config.min_new_tokens ? [minNewTokens(config.min_new_tokens, ends)] : []),
    ...(first == null ? [] : [forced([first], (_, length) => length === 1)]),
    ...(last == null ? [] : [forced(listOf(last), (_, length) => length === most - 1)]),
    ...(config.suppress_tokens ? [suppressed(config.suppress_tokens, false)] : []),
    ...(config.begin_suppress_tokens ? [suppressed(config.begin_suppress_tokens, true)] : []),
  ];
}

function warpersOf(config: GenerationConfig): Processor[] {
  const { temperature: heat = 1, top_k: count = 50, top_p: mass, min_p: part } = config;
  const { typical_p: typical } = config;
  return [
    ...(heat && heat !== 1 ? [temperature(heat)] : []),
    ...(count ? [topK(count)] : []),
    ...(mass != null && mass < 1 ? [topP(mass)] : []),
    ...(part ? [minP(part)] : []),
    ...(typical && typical < 1 ? [typicalP(typical)] : []),
  ];
}

function endOf(
  config: GenerationConfig,
  ends: readonly number[],
  decode: GenerateOptions['decode'],
): Settings['isEnd'] {
  const strings = [config.stop_strings ?? []].flat();
  if (strings.length === 0) return (fresh) => ends.includes(fresh.at(-1) ?? -1);
  if (decode === undefined)
    throw new LorikeetError('invalid-argument', 'generate: stop strings need the text of tokens', {
      path: 'stop_strings',
      expected: 'decode: (tokens) => tokenizer.decode(tokens)',
    });
  return (fresh) => {
    if (ends.includes(fresh.at(-1) ?? -1)) return true;
    const text = decode(fresh);
    return strings.some((stop) => text.includes(stop));
  };
}

function listOf(ids: number | readonly number[] | null | undefined): readonly number[] {
  return ids == null ? [] : typeof ids === 'number' ? [ids] : ids;
}

function idsIn(value: unknown): number[] | undefined {
  const ids = [value].flat().filter((id) => typeof id === 'number');
  return ids.length > 0 ? ids : undefined;
}
