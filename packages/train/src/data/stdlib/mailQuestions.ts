import type { SquadExample } from '../corpora/squadExamples.ts';
import { placeOf } from '../uniform.ts';
import { bareSubject } from './bareSubject.ts';
import { type SplitOptions, type Splits, splitByGroup } from './splitByGroup.ts';

export interface MailQuestionsOptions extends SplitOptions {
  /** Questions about a mail at most. Defaults to 3. */
  readonly perMail?: number;
  /** Whether what a mail does not tell is asked too, as in SQuAD 2.0. Defaults to false. */
  readonly unanswerable?: boolean;
  /** Characters of the mail's text that are shown. Defaults to 160. */
  readonly bodyLength?: number;
}

interface Question {
  readonly header: readonly string[];
  /** The part of the header's value that is the answer. */
  readonly part: RegExp;
  readonly forms: readonly string[];
  /** Whether its absence can be seen from the headers that are shown. */
  readonly isOptional?: true;
}

const whole = /^\S.*$/d;
const questions: readonly Question[] = [
  {
    header: ['from'],
    part: whole,
    forms: ['Who is the mail from?', 'Who sent this?', 'Who wrote the mail?'],
  },
  {
    header: ['from'],
    part: /(?<=<)[^<>\s]+@[^<>\s]+(?=>)|^[^<>\s]+@[^<>\s]+(?=$| \()/d,
    forms: ["What is the sender's address?", 'From which address was it sent?'],
  },
  {
    header: ['to'],
    part: whole,
    forms: ['Who is the mail to?', 'Who was this sent to?', 'Who received it?'],
  },
  { header: ['subject'], part: whole, forms: ['What is the mail about?', 'What is the subject?'] },
  {
    header: ['date'],
    part: whole,
    forms: ['When was the mail sent?', 'What is the date of the mail?'],
  },
  {
    header: ['date'],
    part: /\b(?:19|20)\d\d\b/d,
    forms: ['In which year was it sent?', 'What is the year of the mail?'],
  },
  {
    header: ['date'],
    part: /\b\d\d?:\d\d(?::\d\d)?\b/d,
    forms: ['At what time was it sent?', 'What was the time?'],
  },
  {
    header: ['reply-to'],
    part: whole,
    forms: ['Where do answers go?', 'Who is to be answered?'],
    isOptional: true,
  },
  {
    header: ['x-mailer', 'user-agent'],
    part: whole,
    forms: ['Which program wrote the mail?', 'What software was used?'],
    isOptional: true,
  },
];

const shown = new Set(questions.flatMap(({ header }) => header));
const longestHeader = 120;

/**
 * Extractive question answering out of raw mail: who a mail is from, when it was sent. The context is what the raw mail says in
 * the headers that are asked about, line by line as it stands there, and the beginning of its text; the answers are spans of
 * it by construction. A header that is longer than 120 characters, or goes over lines, is neither shown nor asked about.
 *
 * Mails with the same context count once. Mails with the same subject, but for `Re:` and what is in brackets, are in one
 * part, so that none is tested on a thread that it was trained on.
 */
export function mailQuestions(
  mails: readonly { readonly text: string }[],
  { perMail = 3, unanswerable = false, bodyLength = 160, ...options }: MailQuestionsOptions = {},
): Splits<SquadExample> {
  const { seed = 0 } = options;
  const seen = new Set<string>();
  const items = mails.flatMap(({ text }, number) => {
    const mail = readShown(text, bodyLength);
    if (mail === undefined || seen.has(mail.context)) return [];
    seen.add(mail.context);
    const group = mail.subject;
    return questions
      .flatMap((question, i): SquadExample[] => {
        const id = `${number}-${i}`;
        const form = Math.floor(placeOf(`${id} form`, seed) * question.forms.length);
        const answers = answersIn(mail, question);
        const isAsked = answers.length > 0 || (unanswerable && isUntold(mail, question));
        const asked = question.forms[form] ?? '';
        return isAsked ? [{ id, question: asked, context: mail.context, answers }] : [];
      })
      .sort((a, b) => placeOf(a.id, seed) - placeOf(b.id, seed))
      .slice(0, perMail)
      .map((example) => ({ example, group }));
  });
  const { train, validation, test } = splitByGroup(items, ({ group }) => group, options);
  const examples = (part: readonly (typeof items)[number][]): SquadExample[] =>
    part.map(({ example }) => example);
  return { train: examples(train), validation: examples(validation), test: examples(test) };
}

interface ShownMail {
  readonly context: string;
  /** Without what replies add to it. */
  readonly subject: string;
  readonly headers: readonly {
    readonly name: string;
    readonly value: string;
    /** In the context. */
    readonly start: number;
  }[];
  /** All headers of the mail, shown or not. */
  readonly named: ReadonlySet<string>;
}

function readShown(raw: string, bodyLength: number): ShownMail | undefined {
  const [, head = '', body = ''] = /^([\s\S]*?)\r?\n\r?\n([\s\S]*)$/.exec(raw) ?? [];
  const lines = head.split(/\r?\n/);
  const headers: ShownMail['headers'][number][] = [];
  const named = new Set<string>();
  let context = '';
  for (const [i, line] of lines.entries()) {
    const [, name = '', value = ''] = /^([A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    const key = name.toLowerCase();
    const isKnown = key === '' || named.has(key);
    named.add(key);
    const isFolded = /^[ \t]/.test(lines[i + 1] ?? '');
    if (isKnown || !shown.has(key) || value === '' || isFolded || line.length > longestHeader)
      continue;
    headers.push({
      name: key,
      value,
      start: context.length + line.indexOf(value, name.length + 1),
    });
    context += `${line.trimEnd()}\n`;
  }
  const subject = headers.find(({ name }) => name === 'subject');
  if (subject === undefined) return undefined;
  context += `\n${body.slice(0, bodyLength)}`;
  return { context: context.trimEnd(), subject: bareSubject(subject.value), headers, named };
}

function answersIn({ headers }: ShownMail, { header, part }: Question): SquadExample['answers'] {
  const found = headers.find(({ name }) => header.includes(name));
  const match = found && part.exec(found.value);
  const [start, end] = match?.indices?.[0] ?? [];
  if (found === undefined || start === undefined) return [];
  return [{ text: found.value.slice(start, end), start: found.start + start }];
}

function isUntold({ named }: ShownMail, { header, isOptional }: Question): boolean {
  return isOptional === true && !header.some((name) => named.has(name));
}
