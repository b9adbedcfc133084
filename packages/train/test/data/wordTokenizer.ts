import type { ChatTokenizer, Message, TextEncoding, TextTokenizer } from '@lorikeet/train/data';

interface Token {
  readonly id: number;
  readonly offset: readonly [number, number];
}

/**
 * A tokenizer of the tests, in the form of BERT's: words and punctuation, in pieces of at most three letters, between the
 * marks 1 and 2. A token's number is its text's length and first letter.
 */
export class WordTokenizer implements TextTokenizer, ChatTokenizer {
  readonly isTyped: boolean;

  constructor(isTyped = true) {
    this.isTyped = isTyped;
  }

  encode(
    text: string,
    {
      pair,
      addSpecialTokens = true,
      maxLength = Number.POSITIVE_INFINITY,
    }: Parameters<TextTokenizer['encode']>[1] = {},
  ): TextEncoding {
    let [first, second] = [cut(text), pair === undefined ? [] : cut(pair)];
    const room = maxLength - (addSpecialTokens ? (pair === undefined ? 2 : 3) : 0);
    while (first.length + second.length > room) {
      if (first.length > second.length) first = first.slice(0, -1);
      else second = second.slice(0, -1);
    }
    return this.#frame(first, pair === undefined ? undefined : second, addSpecialTokens);
  }

  encodeWindows(
    text: string,
    { pair, maxLength, stride = 0 }: Parameters<TextTokenizer['encodeWindows']>[1],
  ): TextEncoding[] {
    const [first, second] = [cut(text), pair === undefined ? [] : cut(pair)];
    const width = maxLength - 3 - first.length;
    const windows: TextEncoding[] = [];
    for (let start = 0; ; start += width - stride) {
      windows.push(this.#frame(first, second.slice(start, start + width), true));
      if (start + width >= second.length) return windows;
    }
  }

  encodeChat(messages: readonly Message[]): { encoding: TextEncoding; isSpoken: boolean[] } {
    const spoken: [number, number][] = [];
    let text = '';
    for (const { role, content } of messages) {
      text += `${role}: `;
      if (role === 'assistant') spoken.push([text.length, text.length + content.length]);
      text += `${content}\n`;
    }
    const encoding = this.encode(text, { addSpecialTokens: false });
    const isSpoken = encoding.offsets.map(([start, end]) =>
      spoken.some(([from, to]) => start < to && end > from),
    );
    return { encoding, isSpoken };
  }

  #frame(
    first: readonly Token[],
    second: readonly Token[] | undefined,
    framed: boolean,
  ): TextEncoding {
    const mark = (id: number, type: number) => ({
      id,
      type,
      offset: [0, 0] as const,
      sequence: null,
    });
    const of = (tokens: readonly Token[], sequence: 0 | 1) =>
      tokens.map((token) => ({ ...token, type: this.isTyped ? sequence : 0, sequence }));
    const all = [
      ...(framed ? [mark(1, 0)] : []),
      ...of(first, 0),
      ...(framed ? [mark(2, 0)] : []),
      ...(second === undefined ? [] : of(second, 1)),
      ...(framed && second !== undefined ? [mark(2, this.isTyped ? 1 : 0)] : []),
    ];
    return {
      ids: all.map(({ id }) => id),
      types: all.map(({ type }) => type),
      offsets: all.map(({ offset }) => offset),
      sequences: all.map(({ sequence }) => sequence),
    };
  }
}

function cut(text: string): Token[] {
  return [...text.matchAll(/\p{L}{1,3}|\p{N}{1,3}|[^\s\p{L}\p{N}]/gu)].map(
    ({ 0: piece, index }) => ({
      id: 100 * piece.length + (piece.codePointAt(0) ?? 0),
      offset: [index, index + piece.length] as const,
    }),
  );
}
