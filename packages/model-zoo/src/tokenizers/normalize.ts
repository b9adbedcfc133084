import {
  NFCNormalizer,
  NFDNormalizer,
  NFKCNormalizer,
  NFKDNormalizer,
  type Normalizer,
  ReplaceNormalizer,
} from '@huggingface/tokenizers';
import { AlignedBuilder, type AlignedText, sliceAligned } from './alignedText.ts';
import { charsMapOf } from './charsMap.ts';
import type { BertNormalizerConfig, NormalizerConfig } from './tokenizerJson.ts';

/** Changes a text and keeps where it comes from. */
export type Normalize = (text: AlignedText) => AlignedText;

/** The normalizer of a `tokenizer.json`. */
export function normalizerOf(config: NormalizerConfig | null): Normalize {
  if (config === null) return (text) => text;
  switch (config.type) {
    case 'Sequence': {
      const all = config.normalizers.map(normalizerOf);
      return (text) => all.reduce((done, normalize) => normalize(done), text);
    }
    case 'BertNormalizer':
      return byAtoms(characters, bertCharacter(config));
    case 'Lowercase':
      return byAtoms(characters, (character) => character.toLowerCase());
    case 'StripAccents':
      return byAtoms(characters, (character) => character.replace(/\p{M}/u, ''));
    case 'NFC':
      return composed(new NFCNormalizer(config));
    case 'NFD':
      return composed(new NFDNormalizer(config));
    case 'NFKC':
      return composed(new NFKCNormalizer(config));
    case 'NFKD':
      return composed(new NFKDNormalizer(config));
    case 'Precompiled':
      return config.precompiled_charsmap === ''
        ? (text) => text
        : mapped(config.precompiled_charsmap);
    case 'Strip':
      return (text) => strip(text, config.strip_left, config.strip_right);
    case 'Prepend':
      return (text) => prepend(text, config.prepend);
    case 'Replace': {
      const { pattern } = new ReplaceNormalizer(config);
      return pattern === null ? (text) => text : (text) => replace(text, pattern, config.content);
    }
  }
}

/** A text before another, from where that begins, as tokenizers in Rust has it; nothing before nothing. */
export function prepend(text: AlignedText, before: string): AlignedText {
  if (text.text === '') return text;
  const builder = new AlignedBuilder();
  builder.add(before, text.starts[0] ?? 0, text.ends[0] ?? 0);
  builder.copy(text, 0, text.text.length);
  return builder.build();
}

const characters = /[\s\S]/gu;
/** What normal forms change at once: a character with the marks on it, or the letters of a Korean syllable. */
const clusters =
  /[\u1100-\u115f]+[\u1160-\u11a7]*[\u11a8-\u11ff]*\p{M}*|[\s\S][\u11a8-\u11ff]*\p{M}*/gu;

const composed = (normalizer: Normalizer): Normalize =>
  byAtoms(clusters, (cluster) => normalizer.normalize(cluster));

/** Bytes of a character with its marks that the map of SentencePiece may have as a whole. */
const maxClusterBytes = 5;

/** Whole characters with their marks where the map has them, else one after the other. */
function mapped(charsmap: string): Normalize {
  const map = charsMapOf(charsmap);
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const encoder = new TextEncoder();
  const single = byAtoms(characters, (character) => map(character) ?? character);
  return (whole) => {
    const builder = new AlignedBuilder();
    for (const { index, segment } of segmenter.segment(whole.text)) {
      const end = index + segment.length;
      const isShort = encoder.encode(segment).length <= maxClusterBytes;
      const changed = isShort ? map(segment) : undefined;
      if (changed !== undefined)
        builder.add(changed, whole.starts[index] ?? 0, whole.ends[end - 1] ?? 0);
      else {
        const parts = single(sliceAligned(whole, index, end));
        builder.copy(parts, 0, parts.text.length);
      }
    }
    return builder.build();
  };
}

function byAtoms(atoms: RegExp, change: (atom: string) => string): Normalize {
  return (whole) => {
    const builder = new AlignedBuilder();
    for (const { index, 0: atom } of whole.text.matchAll(atoms)) {
      const end = index + atom.length;
      const changed = change(atom);
      if (changed === atom) builder.copy(whole, index, end);
      else builder.add(changed, whole.starts[index] ?? 0, whole.ends[end - 1] ?? 0);
    }
    return builder.build();
  };
}

function replace(whole: AlignedText, pattern: RegExp, content: string): AlignedText {
  const builder = new AlignedBuilder();
  let done = 0;
  for (const { index, 0: match } of whole.text.matchAll(pattern)) {
    if (match === '') continue;
    builder.copy(whole, done, index);
    done = index + match.length;
    // Tokenizers in Rust puts it where the last character was.
    builder.add(content, whole.starts[done - 1] ?? 0, whole.ends[done - 1] ?? 0);
  }
  builder.copy(whole, done, whole.text.length);
  return builder.build();
}

function strip(whole: AlignedText, left: boolean, right: boolean): AlignedText {
  const { text } = whole;
  const from = left ? (/^\p{White_Space}*/u.exec(text)?.[0].length ?? 0) : 0;
  let to = text.length;
  while (right && to > from && /\p{White_Space}/u.test(text.charAt(to - 1))) to--;
  return sliceAligned(whole, from, to);
}

/** The steps of BERT's normalizer, each of which looks at one character. */
function bertCharacter(config: BertNormalizerConfig): (character: string) => string {
  const isStripped = config.strip_accents ?? config.lowercase;
  return (character) => {
    let text = character;
    if (config.clean_text) {
      if (/(?![\t\n\r])[\ufffd\p{Cc}\p{Cf}\p{Co}]/u.test(text)) return '';
      if (/\p{White_Space}/u.test(text)) text = ' ';
    }
    if (config.handle_chinese_chars && isChinese(text)) text = ` ${text} `;
    if (isStripped) text = text.normalize('NFD').replace(/\p{Mn}/gu, '');
    return config.lowercase ? text.toLowerCase() : text;
  };
}

/** The blocks that BERT takes for Chinese. */
const chinese: readonly (readonly [first: number, last: number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
];

function isChinese(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return chinese.some(([first, last]) => code >= first && code <= last);
}
