import type { TextExample } from '../corpora/glue.ts';
import { bareSubject } from './bareSubject.ts';
import { type SplitOptions, type Splits, splitByGroup } from './splitByGroup.ts';

/** A mail as its reader sees it. */
export interface ReadMail {
  readonly subject: string;
  readonly text?: string | undefined;
  /** Read where there is no plain text. */
  readonly html?: string | undefined;
  readonly isSpam: boolean;
}

export interface SpamOptions extends SplitOptions {
  /** Characters of a mail that are kept. Defaults to 600. */
  readonly longest?: number;
}

/**
 * Spam (1) or ham (0), by subject and text; the other headers (lists, relays, the year) would give the answer away.
 *
 * Mails with the same text count once. Mails with the same subject, but for `Re:` and what is in brackets, are in one part, so
 * that none is tested on a thread, or a series of spam, that it was trained on; those without a subject go by their text.
 */
export function spamTask(
  mails: readonly ReadMail[],
  { longest = 600, ...options }: SpamOptions = {},
): Splits<TextExample> {
  const seen = new Set<string>();
  const items = mails.flatMap(({ subject, text, html, isSpam }) => {
    const body = text ?? withoutMarkup(html ?? '');
    const whole = `${subject}\n${body}`.replaceAll(/\s+/g, ' ').trim().slice(0, longest);
    if (whole === '' || seen.has(whole)) return [];
    seen.add(whole);
    const example: TextExample = { text: whole, label: isSpam ? 1 : 0 };
    return [{ example, group: bareSubject(subject) || whole }];
  });
  const { train, validation, test } = splitByGroup(items, ({ group }) => group, options);
  const examples = (part: readonly (typeof items)[number][]): TextExample[] =>
    part.map(({ example }) => example);
  return { train: examples(train), validation: examples(validation), test: examples(test) };
}

function withoutMarkup(html: string): string {
  return html
    .replaceAll(/<(script|style)\b.*?<\/\1>/gis, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&\w+;/g, ' ');
}
