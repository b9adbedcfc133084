import type { BPE, Model } from '@huggingface/tokenizers';
import type { BpeConfig, ModelConfig } from './tokenizerJson.ts';

/** A token of a word: its text in the vocabulary, and which part of the word it is. */
interface WordToken {
  readonly id: number;
  readonly token: string;
  readonly from: number;
  readonly to: number;
}

/** Cuts a word into tokens, with the places that the library's models do not tell. */
export type CutWord = (word: string) => readonly WordToken[];

/** @param model the library's, made of the same config. */
export function wordCutter(model: Model, config: ModelConfig): CutWord {
  switch (config.type) {
    case 'WordPiece':
      return (word) => cutPieces(model, word, config.continuing_subword_prefix.length);
    case 'WordLevel':
      return (word) => {
        const token = model.tokens_to_ids.has(word) ? word : config.unk_token;
        const id = model.tokens_to_ids.get(token);
        return id === undefined ? [] : [{ id, token, from: 0, to: word.length }];
      };
    case 'BPE':
      return (word) => cutPairs(model, config, word);
    case 'Unigram':
      return (word) => cutScored(model, word, config.byte_fallback === true);
  }
}

function cutPieces(model: Model, word: string, prefix: number): readonly WordToken[] {
  const tokens = model.encode([word]);
  const id = (token: string): number => model.tokens_to_ids.get(token) ?? model.unk_token_id ?? 0;
  const places: WordToken[] = [];
  let at = 0;
  for (const [i, token] of tokens.entries()) {
    // A word with an unknown part is unknown as a whole.
    const to = tokens.length === 1 ? word.length : at + token.length - (i === 0 ? 0 : prefix);
    places.push({ id: id(token), token, from: at, to });
    at = to;
  }
  return places;
}

function cutPairs(model: Model, config: BpeConfig, word: string): readonly WordToken[] {
  const whole = config.ignore_merges === true ? model.tokens_to_ids.get(word) : undefined;
  if (whole !== undefined) return [{ id: whole, token: word, from: 0, to: word.length }];
  const suffix = config.end_of_word_suffix ?? '';
  const surfaces = isBpe(model) ? model.bpe(word) : [];
  const parts = surfaces.map((surface, i) => ({
    token: surface,
    length: surface.length - (i === surfaces.length - 1 ? suffix.length : 0),
  }));
  return place(model, parts, {
    isByBytes: config.byte_fallback === true,
    isFused: config.fuse_unk === true,
  });
}

function isBpe(model: Model): model is BPE {
  return 'bpe' in model;
}

function cutScored(model: Model, word: string, isByBytes: boolean): readonly WordToken[] {
  const parts = model([word]).map((token) => ({ token, length: token.length }));
  return place(model, parts, { isByBytes, isFused: true });
}

/** Parts of a word one after another; what the vocabulary lacks becomes bytes, or unknown. */
function place(
  model: Model,
  parts: readonly { readonly token: string; readonly length: number }[],
  { isByBytes, isFused }: { readonly isByBytes: boolean; readonly isFused: boolean },
): readonly WordToken[] {
  const tokens: WordToken[] = [];
  let at = 0;
  let wasUnknown = false;
  for (const { token, length } of parts) {
    const [from, to] = [at, at + length];
    at = to;
    const id = model.tokens_to_ids.get(token);
    const bytes = id === undefined && isByBytes ? byteTokens(model, token) : undefined;
    const last = tokens.at(-1);
    if (id !== undefined) tokens.push({ id, token, from, to });
    else if (bytes !== undefined) tokens.push(...bytes.map((byte) => ({ ...byte, from, to })));
    else if (wasUnknown && isFused && last !== undefined) tokens.splice(-1, 1, { ...last, to });
    else if (model.unk_token_id !== undefined)
      tokens.push({ id: model.unk_token_id, token: model.unk_token ?? token, from, to });
    wasUnknown = id === undefined && bytes === undefined;
  }
  return tokens;
}

const encoder = new TextEncoder();

function byteTokens(
  model: Model,
  text: string,
): readonly { readonly id: number; readonly token: string }[] | undefined {
  const tokens = [...encoder.encode(text)].map((byte) => {
    const token = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    return { id: model.tokens_to_ids.get(token) ?? -1, token };
  });
  return tokens.every(({ id }) => id >= 0) ? tokens : undefined;
}
