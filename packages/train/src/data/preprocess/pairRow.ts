import type { TextPair } from '../corpora/translation.ts';
import type { TextTokenizer } from './textTokenizer.ts';

export interface PairOptions {
  /** Tokens of the source that the model reads; it is cut behind. */
  readonly maxLength: number;
  /** Tokens of the target; it is cut behind. Defaults to `maxLength`. */
  readonly maxTargetLength?: number;
  /** Stands before each source: `translate English to German: ` for T5. */
  readonly prefix?: string;
}

/** Makes rows for `collate` of a text and what is to be made of it, for a model with an encoder and a decoder. */
export function pairRow(
  tokenizer: Pick<TextTokenizer, 'encode'>,
  { maxLength, maxTargetLength = maxLength, prefix = '' }: PairOptions,
): (pair: TextPair) => {
  readonly input_ids: readonly number[];
  readonly labels: readonly number[];
} {
  return ({ source, target }) => ({
    input_ids: tokenizer.encode(prefix + source, { maxLength }).ids,
    labels: tokenizer.encode(target, { maxLength: maxTargetLength }).ids,
  });
}
