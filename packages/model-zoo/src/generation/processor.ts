/** What a processor knows of a row beside the scores of its next token. */
export interface RowSoFar {
  /** All tokens: the prompt and new ones, or those of the decoder. */
  readonly tokens: readonly number[];
  /** How many of them are new. */
  readonly fresh: number;
}

/** Changes the scores of the next token of a row in place: [V]. What may not come gets `-Infinity`. */
export type Processor = (scores: Float64Array, row: RowSoFar) => void;
