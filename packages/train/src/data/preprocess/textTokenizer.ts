/** Tokens of a text, or of two, as a model reads them. All lists are as long as `ids`. */
export interface TextEncoding {
  readonly ids: readonly number[];
  /** `token_type_ids`. */
  readonly types: readonly number[];
  /** Where in its text each token comes from: `text.slice(start, end)`. Empty for marks. */
  readonly offsets: readonly (readonly [start: number, end: number])[];
  /** Which text: 0 or 1; null for marks such as [CLS]. */
  readonly sequences: readonly (0 | 1 | null)[];
}

/** What preprocessing asks of a tokenizer: the class `Tokenizer` of `@lorikeet/model-zoo` is one. */
export interface TextTokenizer {
  encode(
    text: string,
    options?: {
      readonly pair?: string;
      readonly addSpecialTokens?: boolean;
      readonly maxLength?: number;
    },
  ): TextEncoding;
  /** The second text, if there is one, else the first, in windows that share `stride` tokens. */
  encodeWindows(
    text: string,
    options: { readonly pair?: string; readonly maxLength: number; readonly stride?: number },
  ): readonly TextEncoding[];
}

/** Whether a model of this tokenizer is told which of two texts a token is of. */
export function usesTypes(tokenizer: Pick<TextTokenizer, 'encode'>): boolean {
  return tokenizer.encode('a', { pair: 'b' }).types.some((type) => type > 0);
}
