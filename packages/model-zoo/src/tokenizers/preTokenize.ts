import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { AlignedBuilder, type AlignedText, sliceAligned } from './alignedText.ts';
import { byteLetters } from './byteLetters.ts';
import { prepend } from './normalize.ts';
import { splitPiece } from './splitPiece.ts';
import type { ByteLevelConfig, MetaspaceConfig, PreTokenizerConfig } from './tokenizerJson.ts';

/** Cuts a text into the words that a model then cuts further. */
export type PreTokenize = (piece: AlignedText) => readonly AlignedText[];

const space = '\\p{White_Space}';
const word = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const spaces = new RegExp(`${space}+`, 'gu');
const punctuation = /[\p{P}!-/:-@[-`{-~]/gu;
/** How GPT-2 tells words apart. */
const byteWords = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?(?:(?!${space})[^\\p{L}\\p{N}])+|${space}+(?=$|${space})|${space}+`,
  'gu',
);
const plainWords = new RegExp(`${word}+|(?:(?!${space}|${word})[\\s\\S])+`, 'gu');

/** The pre-tokenizer of a `tokenizer.json`. */
export function preTokenizerOf(config: PreTokenizerConfig | null): PreTokenize {
  if (config === null) return (piece) => [piece];
  switch (config.type) {
    case 'Sequence': {
      const all = config.pretokenizers.map(preTokenizerOf);
      return (piece) =>
        all.reduce<readonly AlignedText[]>((pieces, cut) => pieces.flatMap(cut), [piece]);
    }
    case 'BertPreTokenizer':
      return (piece) =>
        splitPiece(piece, spaces, 'Removed').flatMap((part) =>
          splitPiece(part, punctuation, 'Isolated'),
        );
    case 'Whitespace':
      return (piece) => splitPiece(piece, plainWords, 'Removed', true);
    case 'WhitespaceSplit':
      return (piece) => splitPiece(piece, spaces, 'Removed');
    case 'Punctuation':
      return (piece) => splitPiece(piece, punctuation, config.behavior);
    case 'Digits':
      return (piece) =>
        splitPiece(piece, /\p{N}/gu, config.individual_digits ? 'Isolated' : 'Contiguous');
    case 'Split': {
      // The library turns the patterns of Oniguruma into those of JavaScript.
      const { pattern } = new SplitPreTokenizer(config);
      if (pattern === null) return (piece) => [piece];
      return (piece) => splitPiece(piece, pattern, config.behavior, config.invert);
    }
    case 'FixedLength':
      return (piece) => splitPiece(piece, new RegExp(`[^]{1,${config.length}}`, 'gu'), 'Isolated');
    case 'Metaspace':
      return metaspace(config);
    case 'ByteLevel':
      return (piece) => byteLevel(piece, config);
  }
}

function metaspace({ replacement, prepend_scheme: scheme, split }: MetaspaceConfig): PreTokenize {
  const mark = new RegExp(replacement.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gu');
  return (piece) => {
    const text = { ...piece, text: piece.text.replaceAll(' ', replacement) };
    const isPrepended =
      !text.text.startsWith(replacement) &&
      (scheme === 'always' || (scheme === 'first' && text.starts[0] === 0));
    const whole = isPrepended ? prepend(text, replacement) : text;
    return split ? splitPiece(whole, mark, 'MergedWithNext') : [whole];
  };
}

function byteLevel(piece: AlignedText, config: ByteLevelConfig): readonly AlignedText[] {
  const isPrepended = config.add_prefix_space && !piece.text.startsWith(' ');
  const whole = isPrepended ? prepend(piece, ' ') : piece;
  const words = config.use_regex ? gptWords(whole) : [whole];
  return words.map(inBytes);
}

/** Of a run of spaces, the last belongs to the word after it. */
function gptWords(whole: AlignedText): readonly AlignedText[] {
  return [...whole.text.matchAll(byteWords)].map(({ index, 0: match }) =>
    sliceAligned(whole, index, index + match.length),
  );
}

const encoder = new TextEncoder();

/** A letter for each byte; each byte of a character comes from where the character does. */
function inBytes(piece: AlignedText): AlignedText {
  const builder = new AlignedBuilder();
  let at = 0;
  for (const character of piece.text) {
    let letters = '';
    for (const byte of encoder.encode(character)) letters += byteLetters[byte] ?? '';
    builder.add(letters, piece.starts[at] ?? 0, piece.ends[at] ?? 0);
    at += character.length;
  }
  return builder.build();
}
