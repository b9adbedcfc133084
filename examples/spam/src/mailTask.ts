import { randomKey } from '@lorikeet/tensor-core';
import { type LabelledTokens, permutation } from '@lorikeet/train';
import { readMail } from './mail.ts';
import { tokenizerOf, wordPieceFile } from './wordPiece.ts';

export interface MailTask {
  readonly training: readonly LabelledTokens[];
  readonly heldOut: readonly LabelledTokens[];
  readonly vocabularySize: number;
  /** The content of `tokenizer.json`. */
  readonly tokenizerFile: Record<string, unknown>;
}

export interface MailTaskOptions {
  readonly seed: number;
  /** Share of the messages that is kept for evaluation. */
  readonly heldOut: number;
  readonly vocabularySize: number;
}

/** Characters of a message that are tokenised: more than the model reads. */
const shownLength = 600;

/** The corpus, split by the seed and tokenised; the vocabulary comes from the training part alone. */
export async function mailTask({
  seed,
  heldOut,
  vocabularySize,
}: MailTaskOptions): Promise<MailTask> {
  const mails = await readMail();
  const order = await permutation(randomKey(seed), mails.length);
  const shuffled = order.flatMap((i) => mails[i] ?? []);
  const count = Math.round(shuffled.length * heldOut);
  const training = shuffled.slice(count);

  const tokenizerFile = wordPieceFile(
    training.map(({ text }) => text.slice(0, shownLength)),
    vocabularySize,
  );
  const tokenizer = tokenizerOf(tokenizerFile);
  const tokenize = ({ text, isSpam }: (typeof mails)[number]): LabelledTokens => ({
    ids: tokenizer.encode(text.slice(0, shownLength)).ids,
    label: isSpam ? 1 : 0,
  });
  return {
    training: training.map(tokenize),
    heldOut: shuffled.slice(0, count).map(tokenize),
    vocabularySize,
    tokenizerFile,
  };
}
