import type { Message } from '../corpora/conversation.ts';
import type { TextEncoding, TextTokenizer } from './textTokenizer.ts';

/** Tokens, of which only those with a label count in the loss of a causal model. */
export interface AnswerRow {
  readonly input_ids: readonly number[];
  /** The token itself in answers, -100 elsewhere. */
  readonly labels: readonly number[];
}

/** A tokenizer with a chat template: the class `Tokenizer` of `@lorikeet/model-zoo` is one. */
export interface ChatTokenizer {
  encodeChat(messages: readonly Message[]): {
    readonly encoding: Pick<TextEncoding, 'ids'>;
    /** For each token, whether the assistant says it. */
    readonly isSpoken: readonly boolean[];
  };
}

export interface ChatRowOptions {
  /** Tokens that the model reads. A conversation that is longer is cut behind. */
  readonly maxLength: number;
  /** Which of the assistant's messages count in the loss. Defaults to 'all'. */
  readonly answers?: 'all' | 'last';
}

/**
 * Makes a row for `collate` of a conversation. Gives none where all that the assistant says is cut off, so that it belongs
 * into `flatMap`.
 */
export function chatRow(
  tokenizer: ChatTokenizer,
  { maxLength, answers = 'all' }: ChatRowOptions,
): (messages: readonly Message[]) => readonly AnswerRow[] {
  return (messages) => {
    const { encoding, isSpoken } = tokenizer.encodeChat(messages);
    const from = answers === 'all' ? 0 : lastRun(isSpoken);
    return rowOf(encoding.ids, (i) => isSpoken[i] === true && i >= from, maxLength);
  };
}

export interface PromptRowOptions {
  /** Tokens that the model reads. A longer text is cut behind. */
  readonly maxLength: number;
  /** The token that ends an answer, which is learnt too. */
  readonly end?: number;
}

/**
 * Makes a row for `collate` of a prompt and its answer, for a model without a chat template. They are tokenised as one text; a
 * token that begins in the prompt is of the prompt. Gives none where all of the answer is cut off.
 */
export function promptRow(
  tokenizer: Pick<TextTokenizer, 'encode'>,
  { maxLength, end }: PromptRowOptions,
): (prompt: string, answer: string) => readonly AnswerRow[] {
  return (prompt, answer) => {
    const { ids, offsets, sequences } = tokenizer.encode(prompt + answer);
    const place = offsets.findIndex(
      ([start], i) => sequences[i] !== null && start >= prompt.length,
    );
    const first = place === -1 ? ids.length : place;
    const isEnded = end === undefined || ids.at(-1) === end;
    const whole = isEnded ? ids : [...ids, end];
    return rowOf(
      whole,
      (i) => i >= first && (sequences[i] !== null || whole[i] === end),
      maxLength,
    );
  };
}

function rowOf(
  ids: readonly number[],
  isAnswer: (token: number) => boolean,
  maxLength: number,
): readonly AnswerRow[] {
  const kept = ids.slice(0, maxLength);
  const labels = kept.map((id, i) => (isAnswer(i) ? id : -100));
  // The first token is told by none before it.
  return labels.slice(1).every((label) => label === -100) ? [] : [{ input_ids: kept, labels }];
}

/** Where the last run of what is true begins. */
function lastRun(marks: readonly boolean[]): number {
  const end = marks.lastIndexOf(true);
  return marks.lastIndexOf(false, end) + 1;
}
