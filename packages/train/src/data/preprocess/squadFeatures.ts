import type { SquadExample } from '../corpora/squadExamples.ts';
import { type TextEncoding, type TextTokenizer, usesTypes } from './textTokenizer.ts';

export interface SquadOptions {
  /** Tokens of a window, with question and marks. Defaults to 384. */
  readonly maxLength?: number;
  /** Tokens of the context that a window shares with the one before. Defaults to 128. */
  readonly stride?: number;
  /** A longer question is cut. Defaults to 64. */
  readonly maxQuestionLength?: number;
}

/** A window of a context, with its question. */
export interface SquadFeature {
  readonly id: string;
  /** Model inputs, with the answer's first and last token; those of the mark, if the window has not all of the answer. */
  readonly row: {
    readonly input_ids: readonly number[];
    readonly start_positions: number;
    readonly end_positions: number;
    readonly token_type_ids?: readonly number[];
  };
  /** Where in the context each token comes from; null for tokens of the question, and marks. */
  readonly places: readonly (readonly [start: number, end: number] | null)[];
  /** The mark whose place says that there is no answer. */
  readonly noAnswer: number;
}

/**
 * Makes the windows of a question's context. What is longer than the model reads goes into several, which overlap; a window
 * without all of the first answer learns that there is none. Each `row` is for `collate`.
 * As in Devlin et al., "BERT" (NAACL 2019), and Hugging Face's `run_qa.py`.
 */
export function squadFeatures(
  tokenizer: TextTokenizer,
  { maxLength = 384, stride = 128, maxQuestionLength = 64 }: SquadOptions = {},
): (example: SquadExample) => readonly SquadFeature[] {
  const isTyped = usesTypes(tokenizer);
  return ({ id, question, context, answers }) => {
    const asked = shortened(tokenizer, question.trimStart(), maxQuestionLength);
    const windows = tokenizer.encodeWindows(asked, { pair: context, maxLength, stride });
    return windows.map((encoding) => {
      const places = encoding.offsets.map((place, i) =>
        encoding.sequences[i] === 1 ? place : null,
      );
      const noAnswer = Math.max(0, encoding.sequences.indexOf(null));
      const [first] = answers;
      const span = first && tokensOf(places, first.start, first.start + first.text.length);
      const [start, end] = span ?? [noAnswer, noAnswer];
      return {
        id,
        row: {
          input_ids: encoding.ids,
          ...(isTyped ? { token_type_ids: encoding.types } : {}),
          start_positions: start,
          end_positions: end,
        },
        places,
        noAnswer,
      };
    });
  };
}

function shortened(tokenizer: TextTokenizer, question: string, most: number): string {
  const { offsets }: TextEncoding = tokenizer.encode(question, { addSpecialTokens: false });
  const last = offsets[most - 1];
  return last === undefined || offsets.length <= most ? question : question.slice(0, last[1]);
}

/** The tokens from the one with the span's first character to the one with its last; none if it goes beyond the window. */
function tokensOf(
  places: SquadFeature['places'],
  from: number,
  to: number,
): readonly [first: number, last: number] | undefined {
  const window = places.flatMap((place, token) => (place === null ? [] : [{ place, token }]));
  const [head, tail] = [window[0], window.at(-1)];
  if (head === undefined || tail === undefined) return undefined;
  if (head.place[0] > from || tail.place[1] < to) return undefined;
  const first = window.findLast(({ place }) => place[0] <= from);
  const last = window.find(({ place }) => place[1] >= to);
  return first === undefined || last === undefined ? undefined : [first.token, last.token];
}
