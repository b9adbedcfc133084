import type { Model } from '@huggingface/tokenizers';
import { type FoundToken, tokenFinder } from './addedTokens.ts';
import { type AlignedText, alignedSource, sliceAligned, sourceRange } from './alignedText.ts';
import { byteLetters } from './byteLetters.ts';
import type { TextToken } from './encoding.ts';
import type { Frame } from './frame.ts';
import { normalizerOf } from './normalize.ts';
import { preTokenizerOf } from './preTokenize.ts';
import type { TokenizerContent } from './tokenizerJson.ts';
import { wordCutter } from './wordTokens.ts';

/** Cuts a text into tokens: first those that are never cut, then words, then parts of words. */
export function textCutter(
  content: TokenizerContent,
  model: Model,
  frame: Frame,
): (text: string) => readonly TextToken[] {
  const normalize = normalizerOf(content.normalizer);
  const preTokenize = preTokenizerOf(content.pre_tokenizer);
  const cutWord = wordCutter(model, content.model);
  const isNormalized = ({ normalized, special }: (typeof content.added_tokens)[number]): boolean =>
    content.normalizer !== null && (normalized ?? !special);
  const findPlain = tokenFinder(
    new Map(
      content.added_tokens
        .filter((token) => !isNormalized(token))
        .map((token) => [token.content, token]),
    ),
  );
  const findNormalized = tokenFinder(
    new Map(
      content.added_tokens
        .filter(isNormalized)
        .map((token) => [normalize(alignedSource(token.content)).text, token] as const)
        .filter(([text]) => text !== ''),
    ),
  );

  return (text) => {
    const tokens: TextToken[] = [];
    let word = 0;
    const addWhole = (piece: AlignedText, { id, content: token }: FoundToken['added']): void => {
      const offset = sourceRange(piece, 0, piece.text.length);
      tokens.push(trimmed({ id, token, offset, word: word++ }, frame));
    };
    const addWord = (piece: AlignedText): void => {
      const parts = cutWord(piece.text);
      for (const { id, token, from, to } of parts)
        tokens.push(trimmed({ id, token, offset: sourceRange(piece, from, to), word }, frame));
      if (parts.length > 0) word++;
    };
    for (const section of sections(alignedSource(text), findPlain)) {
      if (section.added !== undefined) addWhole(section.piece, section.added);
      else
        for (const part of sections(normalize(section.piece), findNormalized)) {
          if (part.added !== undefined) addWhole(part.piece, part.added);
          else for (const piece of preTokenize(part.piece)) addWord(piece);
        }
    }
    return tokens;
  };
}

interface Section {
  readonly piece: AlignedText;
  readonly added?: FoundToken['added'];
}

function sections(
  whole: AlignedText,
  find: (text: string) => readonly FoundToken[],
): readonly Section[] {
  const parts: Section[] = [];
  let done = 0;
  const addText = (to: number): void => {
    if (to > done) parts.push({ piece: sliceAligned(whole, done, to) });
  };
  for (const { added, from, to } of find(whole.text)) {
    addText(from);
    parts.push({ piece: sliceAligned(whole, from, to), added });
    done = to;
  }
  addText(whole.text.length);
  return parts;
}

const spaceLetter = byteLetters[0x20] ?? '';
const isSpace = (letter: string): boolean =>
  letter === spaceLetter || /\p{White_Space}/u.test(letter);

/** Leaves the spaces of a token out of its place, as byte-level tokenizers are told to. */
function trimmed(token: TextToken, { isTrimmed, isPrefixed }: Frame): TextToken {
  if (!isTrimmed) return token;
  const letters = [...token.token];
  const firstOther = letters.findIndex((letter) => !isSpace(letter));
  const leading = firstOther < 0 ? letters.length : firstOther;
  const trailing = letters.length - 1 - letters.findLastIndex((letter) => !isSpace(letter));
  const [start, end] = token.offset;
  const isFirst = start === 0 && isPrefixed;
  const from = Math.min(start + Math.max(0, leading - (isFirst ? 1 : 0)), end);
  return { ...token, offset: [from, Math.max(end - trailing, from)] };
}
