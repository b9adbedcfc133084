/** Tokens of a text, or of two, as a model reads them. All lists are as long as `ids`. */
export interface Encoding {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  /** What models call `token_type_ids`. */
  readonly types: readonly number[];
  /** Where in its text each token comes from: `text.slice(start, end)`. Empty for marks. */
  readonly offsets: readonly (readonly [start: number, end: number])[];
  /** Which word of its text, counted from 0; null for marks. */
  readonly words: readonly (number | null)[];
  /** Which text: 0 or 1; null for marks. */
  readonly sequences: readonly (0 | 1 | null)[];
}

/** A token of a text. */
export interface TextToken {
  readonly id: number;
  readonly token: string;
  readonly offset: readonly [start: number, end: number];
  readonly word: number;
}
