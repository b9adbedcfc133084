import type { TextExample } from '../corpora/glue.ts';
import { type TextTokenizer, usesTypes } from './textTokenizer.ts';

export interface TextRow {
  readonly input_ids: readonly number[];
  /** Which of two texts a token is of, for models that are told. */
  readonly token_type_ids?: readonly number[];
  readonly labels?: number;
}

/**
 * Makes rows for `collate` of a text, or two, and a label. What is too long for the model is cut: of two texts the longer
 * one first.
 *
 * @param maxLength tokens that the model reads, marks included.
 */
export function textRow(
  tokenizer: Pick<TextTokenizer, 'encode'>,
  maxLength: number,
): (example: TextExample) => TextRow {
  const isTyped = usesTypes(tokenizer);
  return ({ text, pair, label }) => {
    const { ids, types } = tokenizer.encode(text, {
      maxLength,
      ...(pair === undefined ? {} : { pair }),
    });
    return {
      input_ids: ids,
      ...(isTyped ? { token_type_ids: types } : {}),
      ...(label === undefined ? {} : { labels: label }),
    };
  };
}
